import type { Effort, PricedModel, PricedSpan, Rates, Thinking } from './price-table.ts';

/*
 * A price file: { "models": { "<id>": {
 *   "rates": [{ "from"?: "2026-10-07", "upToTokens"?: 100000, "input": 2, "output": 10, "write5m": 2.5, "write1h": 4, "cacheRead": 0.1 }],
 *   "contextTokens"?, "maxOutputTokens"?, "efforts"?: [...], "thinking"?: [...], "minCacheTokens"?, "compacts"? } } }
 * Rates in US dollars per million tokens. A fact left out: as the table has it for a known id, else the cautious one below.
 */

const RATE_KEYS = ['input', 'output', 'write5m', 'write1h', 'cacheRead'] as const satisfies (keyof Rates)[];
const EFFORTS: readonly Effort[] = ['low', 'medium', 'high', 'xhigh', 'max'];
const THINKING: readonly Thinking[] = ['adaptive', 'disabled'];
const COUNTS = ['contextTokens', 'maxOutputTokens', 'minCacheTokens'] as const;
const CAUTIOUS = {
  contextTokens: 200_000,
  maxOutputTokens: 32_000,
  efforts: [],
  thinking: [],
  minCacheTokens: 4_096,
  compacts: false,
};

/** Reads parsed JSON into models. Throws one `Error` that lists every fault with its place. */
export function readPriceFile(json: unknown, known: (id: string) => PricedModel | undefined): Map<string, PricedModel> {
  const faults: string[] = [];
  const entries = isRecord(json) && isRecord(json['models']) ? Object.entries(json['models']) : [];
  if (entries.length === 0) faults.push('models: an object with at least one model id is needed');
  const models = new Map(entries.map(([id, entry]) => [id, readModel(id, entry, known(id), faults)]));
  if (faults.length > 0) throw new Error(`price file: ${faults.join('; ')}`);
  return models;
}

function readModel(id: string, entry: unknown, base: PricedModel | undefined, faults: string[]): PricedModel {
  const at = `models.${id}`;
  const model = { ...CAUTIOUS, ...base } as PricedModel;
  if (!isRecord(entry)) {
    faults.push(`${at}: must be an object`);
    return model;
  }
  unknownKeys(entry, ['rates', 'efforts', 'thinking', 'compacts', ...COUNTS], at, faults);
  for (const key of COUNTS) {
    const value = entry[key];
    if (value === undefined) continue;
    if (isCount(value)) model[key] = value;
    else faults.push(`${at}.${key}: must be a positive whole number of tokens`);
  }
  const { compacts } = entry;
  if (typeof compacts === 'boolean') model.compacts = compacts;
  else if (compacts !== undefined) faults.push(`${at}.compacts: must be true or false`);
  model.efforts = readWords(entry['efforts'], EFFORTS, `${at}.efforts`, faults) ?? model.efforts;
  model.thinking = readWords(entry['thinking'], THINKING, `${at}.thinking`, faults) ?? model.thinking;
  const rates = entry['rates'];
  if (!Array.isArray(rates) || rates.length === 0) faults.push(`${at}.rates: a list of at least one entry is needed`);
  else model.spans = readSpans(rates, `${at}.rates`, faults);
  return model;
}

function readSpans(list: readonly unknown[], at: string, faults: string[]): PricedSpan[] {
  const spans = list.map((entry, n) => readSpan(entry, `${at}[${n}]`, faults));
  if (!spans.some((span) => span.from === undefined))
    faults.push(`${at}: one entry must hold from ever (without "from")`);
  for (const from of new Set(spans.map((span) => span.from))) {
    const open = spans.filter((span) => span.from === from && span.upToTokens === undefined);
    if (open.length !== 1)
      faults.push(`${at}: exactly one entry ${from ? `from ${from}` : 'from ever'} must have no "upToTokens"`);
  }
  return spans;
}

function readSpan(entry: unknown, at: string, faults: string[]): PricedSpan {
  const span: PricedSpan = { input: 0, output: 0, write5m: 0, write1h: 0, cacheRead: 0 };
  if (!isRecord(entry)) {
    faults.push(`${at}: must be an object`);
    return span;
  }
  unknownKeys(entry, ['from', 'upToTokens', ...RATE_KEYS], at, faults);
  for (const key of RATE_KEYS) {
    const value = entry[key];
    if (typeof value === 'number' && Number.isFinite(value) && value >= 0) span[key] = value;
    else faults.push(`${at}.${key}: US dollars per million tokens are needed, 0 or more`);
  }
  const { from, upToTokens } = entry;
  if (typeof from === 'string' && /^\d{4}-\d\d-\d\d$/.test(from) && !Number.isNaN(Date.parse(from))) span.from = from;
  else if (from !== undefined) faults.push(`${at}.from: must be a day as 2026-10-07`);
  if (isCount(upToTokens)) span.upToTokens = upToTokens;
  else if (upToTokens !== undefined) faults.push(`${at}.upToTokens: must be a positive whole number of tokens`);
  return span;
}

function readWords<Word extends string>(
  value: unknown,
  words: readonly Word[],
  at: string,
  faults: string[],
): Word[] | undefined {
  if (value === undefined) return undefined;
  const isWord = (one: unknown): one is Word => words.some((word) => word === one);
  if (Array.isArray(value) && value.every(isWord)) return value;
  faults.push(`${at}: must be a list of ${words.join(', ')}`);
  return undefined;
}

function unknownKeys(entry: Record<string, unknown>, known: readonly string[], at: string, faults: string[]): void {
  for (const key of Object.keys(entry)) {
    if (!known.includes(key)) faults.push(`${at}.${key}: unknown key; known: ${known.join(', ')}`);
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
