import { badRequest, type Problem } from './problem.ts';

/** Hands out the value of a key, once: what nobody takes is misspelt. */
export type Take = (key: string) => string | undefined;

/** `200ms`, `1.5s`, `2m` or plain milliseconds. Throws a 400. */
export function readDurationMs(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text) ?? [];
  if (amount === undefined) throw fault(`"${text}" is not a duration, as 200ms`);
  return Number(amount) * (unit === 'm' ? 60_000 : unit === 's' ? 1_000 : 1);
}

/** Throws a 400. */
export function readCount(key: string, text: string): number {
  if (!/^\d+$/.test(text)) throw fault(`${key}=${text}: a whole number is needed`);
  return Number(text);
}

/** Throws a 400. */
export function readNumber(key: string, text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw fault(`${key}=${text}: a number is needed`);
  return Number(text);
}

/** Throws a 400. */
export function readJson(key: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw fault(`${key}: JSON is needed, not ${text}`);
  }
}

/** One of `choices`. Throws a 400. */
export function readChoice<Choice extends string>(key: string, text: string, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw fault(`${key}=${text}: one of ${choices.join(', ')} is needed`);
  return found;
}

export function fault(message: string): Problem {
  return badRequest(`simulate directive: ${message}`);
}
