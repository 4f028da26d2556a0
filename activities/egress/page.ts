import type { FetchedPage } from './egress.ts';
import { EgressFailed } from './egress.ts';
import type { ToMarkdown } from './markdown.ts';

/** An answer as it came, decoded of its content encoding. */
export interface RawPage {
  url: URL;
  status: number;
  contentType: string;
  bytes: Uint8Array;
  isCut: boolean;
}

const HTML = new Set(['text/html', 'application/xhtml+xml']);
const TEXT =
  /^(?:text\/.+|application\/(?:(?:.+\+)?(?:json|xml)|(?:x-)?(?:javascript|ecmascript|yaml|toml|sh|ndjson)|json5|graphql|sql))$/;

/** The page as text: HTML as Markdown, other text as it is. Rejects with `EgressFailed` for what is no text. */
export async function pageOf(raw: RawPage, toMarkdown: ToMarkdown, signal: AbortSignal): Promise<FetchedPage> {
  const { bytes, status, isCut } = raw;
  const type = (raw.contentType.split(';')[0] ?? '').trim().toLowerCase();
  const isUnnamed = type === '';
  if (bytes.length > 0 && !isUnnamed && !HTML.has(type) && !TEXT.test(type))
    throw new EgressFailed(
      `the answer is ${JSON.stringify(type.slice(0, 100))}; only text, JSON, XML and HTML can be read`,
    );
  const text = decode(bytes, raw.contentType, HTML.has(type));
  if (text.slice(0, 8_000).includes('\0')) throw new EgressFailed('the answer is no text, whatever its type says');
  const url = raw.url.href;
  const shown = HTML.has(type) ? await toMarkdown(text, url, signal) : text;
  return { url, status, contentType: type, text: shown, isCut };
}

/** By the charset of the header, else the page's own declaration (among its first 1,024 bytes, as browsers do), else UTF-8. */
function decode(bytes: Uint8Array, contentType: string, isHtml: boolean): string {
  const start = isHtml ? new TextDecoder('latin1').decode(bytes.subarray(0, 1_024)) : '';
  const label = charsetIn(contentType) ?? charsetIn(/<meta[^>]+charset[^>]+/i.exec(start)?.[0] ?? '') ?? 'utf-8';
  try {
    return new TextDecoder(label).decode(bytes);
  } catch {
    throw new EgressFailed(
      `the page is written in ${JSON.stringify(label.slice(0, 50))}, a charset that is not read here`,
    );
  }
}

function charsetIn(text: string): string | undefined {
  return /charset\s*=\s*["']?([^\s"';>]+)/i.exec(text)?.[1];
}
