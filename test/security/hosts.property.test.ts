import fc from 'fast-check';
import { expect, test } from 'vitest';
import { coversHost, matchesHost, parseHost } from '../../workflows/policy/host-pattern.ts';
import { mayReach } from '../../workflows/policy/shell-scope.ts';
import { FUZZ_CASES, FUZZ_TIMEOUT_MS, runsOf } from './fuzz-cases.ts';

const label = fc.constantFrom('a', 'b', 'example', 'com', 'api', 'xn--bcher-kva', 'a-b');
const plain = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
/** Hosts as attackers write them: other spellings of a name, names that look alike, addresses in odd forms. */
const host = fc.oneof(
  { weight: 5, arbitrary: plain },
  { weight: 2, arbitrary: plain.map((text) => text.toUpperCase()) },
  { weight: 2, arbitrary: plain.map((text) => `${text}.`) },
  { weight: 1, arbitrary: plain.map((text) => text.replace('.', '\u3002')) },
  { weight: 1, arbitrary: plain.map((text) => text.replace('e', '\uff45')) },
  { weight: 1, arbitrary: plain.map((text) => text.replace('a', '%61')) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...[
        '127.0.0.1',
        '127.1',
        '0x7f.1',
        '2130706433',
        '0177.0.0.1',
        '[::1]',
        '[0:0::1]',
        '[::ffff:127.0.0.1]',
        '1.2.3.4',
      ],
      ...[
        'b\u00fccher.example',
        'xn--bcher-kva.example',
        'example.com.evil.com',
        'evilexample.com',
        'example.com\u200b',
      ],
    ),
  },
  { weight: 1, arbitrary: fc.webAuthority({ withIPv4: true, withIPv6: true, withPort: true, withUserInfo: true }) },
);
const rule = fc.oneof(
  { weight: 3, arbitrary: plain },
  { weight: 3, arbitrary: plain.map((text) => `*.${text}`) },
  {
    weight: 2,
    arbitrary: fc
      .array(fc.oneof(label, fc.constantFrom('*', 'a*', '*m', '*x*')), { minLength: 1, maxLength: 4 })
      .map((labels) => labels.join('.')),
  },
  { weight: 1, arbitrary: fc.constantFrom('127.0.0.1', '[::1]', '*.0.0.1', '1.2.3.4', '*', '*.*', 'EXAMPLE.com.') },
);

/** By a regular expression over the labels; addresses have none. */
function oracle(text: string): RegExp {
  const body = text.toLowerCase().replace(/\.$/, '');
  const [start, rest] = body.startsWith('*.') ? ['(?:[^.]+\\.)+', body.slice(2)] : ['', body];
  const labels = rest.replace(/[.*+?^${}()|[\]\\]/g, (char) => (char === '*' ? '[^.]*' : `\\${char}`));
  return new RegExp(`^${start}${labels}$`);
}

const isAddress = (text: string): boolean => text.startsWith('[') || /^\d+\.\d+\.\d+\.\d+$/.test(text);

test(
  'a host is reached exactly when a rule names the host that WHATWG URL reads',
  () => {
    const seen = { reached: 0, refused: 0 };
    const hosts = fc.array(host, { minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(hosts, fc.array(rule, { minLength: 1, maxLength: 3 }), (texts, rules) => {
        const grant = { allow: rules.map((text) => `WebFetch(domain:${text})`), deny: [], mode: 'dontAsk' as const };
        const read = rules.filter((text) => parseHost(text)).map((text) => ({ text, names: oracle(text) }));
        return texts.every((written) => {
          if (!URL.canParse(`http://${written}/`)) return true;
          const canonical = new URL(`http://${written}/`).hostname.replace(/\.$/, '');
          const isNamed = read.some(({ text, names }) =>
            isAddress(canonical) ? text === canonical : names.test(canonical),
          );
          const isReached = mayReach(grant, canonical);
          seen[isReached ? 'reached' : 'refused']++;
          // Whoever forgot to make it canonical is refused, or meant the same.
          const isFooled = written !== canonical && mayReach(grant, written) && !isReached;
          return isReached === isNamed && !isFooled;
        });
      }),
      runsOf(10),
    );
    expect(Math.min(seen.reached, seen.refused)).toBeGreaterThan(FUZZ_CASES / 50);
  },
  FUZZ_TIMEOUT_MS,
);

test(
  'a host pattern that covers another names every host of it',
  () => {
    let covered = 0;
    const rules = fc.array(rule, { minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(rules, fc.array(plain, { minLength: 5, maxLength: 5 }), (texts, drawn) => {
        const patterns = texts.map(parseHost).filter((pattern) => pattern !== undefined);
        const made = texts.flatMap((text) => [
          text.toLowerCase().replace(/\.$/, '').replaceAll('*', 'q'),
          text.replaceAll('*', ''),
        ]);
        const hosts = [...drawn, ...made];
        return patterns.every((wide) =>
          patterns.every((narrow) => {
            if (!coversHost(wide, narrow)) return true;
            if (wide !== narrow) covered++;
            return hosts.every((one) => !matchesHost(narrow, one) || matchesHost(wide, one));
          }),
        );
      }),
      runsOf(100),
    );
    expect(covered).toBeGreaterThan(FUZZ_CASES / 100);
  },
  FUZZ_TIMEOUT_MS,
);
