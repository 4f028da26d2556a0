/** Shorter ones would turn up by chance in any text. */
const MIN_SECRET_CHARS = 8;

/**
 * Tokens whose form alone gives them away, by issuer; forms as the issuers document them (read 2026-11). A text that only
 * resembles one is hidden as well.
 */
const TOKEN_FORMS: Readonly<Record<string, RegExp>> = {
  'Anthropic key': /\bsk-ant-[\w-]{16,}/,
  'GitHub token': /\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})/,
  'GitLab token': /\bgl(?:pat|dt|rt|cbt|ptt)-[\w-]{20,}/,
  'AWS access key': /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/,
  'Google key': /\bAIza[\w-]{35}/,
  'Slack token': /\bxox[abeoprs]-[\w-]{10,}/,
  'Stripe key': /\b[rs]k_live_[0-9A-Za-z]{16,}/,
  'npm token': /\bnpm_[A-Za-z0-9]{36}\b/,
  'PyPI token': /\bpypi-[\w-]{50,}/,
  'Hugging Face token': /\bhf_[A-Za-z0-9]{30,}/,
  'SendGrid key': /\bSG\.[\w-]{16,}\.[\w-]{16,}/,
  'DigitalOcean token': /\bdo[opr]_v1_[0-9a-f]{64}/,
  'age key': /\bAGE-SECRET-KEY-1[0-9A-Z]{50,}/,
  'JSON web token': /\beyJ[\w-]{10,2000}\.eyJ[\w-]{10,2000}\.[\w-]{10,}/,
  'private key':
    /-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----)[\s\S]){20,20000}-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/,
  'password in a URL': /(?<=:\/\/[^\s:@/?#]{0,100}:)[^\s:@/?#]{3,200}(?=@)/,
};

const ANY_TOKEN = new RegExp(
  Object.values(TOKEN_FORMS)
    .map(({ source }) => source)
    .join('|'),
  'g',
);

/** What kind of secret a text holds, by form alone; undefined: none that is known. */
export function secretKind(text: string): string | undefined {
  return Object.entries(TOKEN_FORMS).find(([, form]) => form.test(text))?.[0];
}

export type Redact = (text: string) => string;

/**
 * Makes the function that hides secrets in a text before anybody else sees it: `known` ones in every common spelling (as
 * they are, base64 at any offset, hex, percent-encoded, escaped in JSON), others by their form. Linear in the text.
 */
export function createRedactor(known: readonly string[]): Redact {
  const spellings = [...new Set(known.filter(({ length }) => length >= MIN_SECRET_CHARS).flatMap(spellingsOf))];
  // The longest first: a spelling may be the beginning of another.
  spellings.sort((a, b) => b.length - a.length);
  const literal = spellings.length === 0 ? undefined : new RegExp(spellings.map(escaped).join('|'), 'gi');
  return (text) => {
    const hidden = literal === undefined ? text : text.replace(literal, '[hidden]');
    return hidden.replace(ANY_TOKEN, '[hidden]');
  };
}

function spellingsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const percent = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  return [
    secret,
    encodeURIComponent(secret),
    percent,
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('hex'),
    ...[0, 1, 2].flatMap((offset) => {
      const core = base64Core(bytes, offset);
      return [core, core.replaceAll('+', '-').replaceAll('/', '_')];
    }),
  ];
}

/** What base64 makes of the bytes `offset` bytes into a stream, without the digits its neighbours have a part in. */
function base64Core(bytes: Buffer, offset: number): string {
  const text = Buffer.concat([Buffer.alloc(offset), bytes])
    .toString('base64')
    .replace(/=+$/, '');
  const isWhole = (offset + bytes.length) % 3 === 0;
  return text.slice(offset === 0 ? 0 : offset + 1, isWhole ? undefined : -1);
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

/** The value with every text in it redacted; keys as they are. */
export function redactDeep(value: unknown, redact: Redact): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map((item) => redactDeep(item, redact));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redactDeep(item, redact)]));
}
