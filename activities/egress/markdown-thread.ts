import { parentPort, workerData } from 'node:worker_threads';
import Turndown from 'turndown';

/**
 * Runs in a thread of its own (see `markdown.ts`): HTML in, Markdown out. Nothing in the text loads or runs anything where
 * someone renders it: images become their description, a link is written out beside its text.
 */
const { html, url, maxChars } = workerData as { html: string; url: string; maxChars: number };

const turndown = new Turndown({ headingStyle: 'atx', codeBlockStyle: 'fenced', bulletListMarker: '-' });
turndown.remove(['script', 'style', 'noscript', 'template', 'iframe', 'object', 'head' as 'title']);
turndown.addRule('image', {
  filter: (node) =>
    ['IMG', 'SVG', 'PICTURE', 'VIDEO', 'AUDIO', 'CANVAS', 'EMBED'].includes(node.nodeName.toUpperCase()),
  replacement(_content, node) {
    const alt = attribute(node, 'alt')
      .replace(/[\s[\]()]+/g, ' ')
      .trim();
    return alt === '' ? '' : `(image: ${alt})`;
  },
});
turndown.addRule('link', {
  filter: 'a',
  replacement(content, node) {
    const target = absolute(attribute(node, 'href'));
    const text = content.trim();
    if (target === undefined || target === text) return content;
    return text === '' ? '' : `${text} (${target})`;
  },
});

function attribute(node: unknown, name: string): string {
  return (node as { getAttribute(name: string): string | null }).getAttribute(name) ?? '';
}

/** Only addresses one may fetch next; one that runs a script or holds data says nothing. */
function absolute(href: string): string | undefined {
  if (href === '' || href.startsWith('#') || !URL.canParse(href, url)) return undefined;
  const target = new URL(href, url);
  const isShown = ['http:', 'https:'].includes(target.protocol) && target.href.length <= 500;
  return isShown ? target.href : undefined;
}

parentPort?.postMessage(turndown.turndown(html).slice(0, maxChars));
