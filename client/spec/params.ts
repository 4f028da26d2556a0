import type { FaultList } from './fault-list.ts';
import { isRecord, nearest, PARAM_KEYS, readKeys } from './keys.ts';
import { describe } from './shape-faults.ts';
import type { Scalar } from './templates.ts';

const TYPES = ['string', 'number', 'integer', 'boolean'];

/** Values of the declared parameters: given by -p, else their default. What is wrong with either is a fault. */
export function resolveParams(
  declared: unknown,
  given: Readonly<Record<string, string>>,
  faults: FaultList,
): Record<string, Scalar> {
  const values: Record<string, Scalar> = {};
  const names = isRecord(declared) ? Object.keys(declared) : [];
  for (const name of names) {
    const path = ['params', name];
    const raw = (declared as Record<string, unknown>)[name];
    const fields = isRecord(raw) ? readKeys(raw, path, PARAM_KEYS, 'camel', faults) : { default: raw };
    const type = typeof fields['type'] === 'string' ? fields['type'] : typeOf(fields['default']);
    if (!TYPES.includes(type) || (fields['type'] !== undefined && typeof fields['type'] !== 'string')) {
      faults.add([...path, 'type'], `\`type\` is ${describe(fields['type'])}`, `write ${TYPES.join(', ')}`);
      values[name] = ''; // known, so that its uses are no faults of their own
      continue;
    }
    const text = Object.hasOwn(given, name) ? given[name] : undefined;
    const value = text === undefined ? fields['default'] : convert(text, type);
    const complain = (message: string, hint: string): void => {
      if (text === undefined) faults.add(isRecord(raw) ? [...path, 'default'] : path, message, hint);
      else faults.addElsewhere('-p', message, hint);
    };
    if (value === undefined || value === null) {
      if (text === undefined)
        faults.addKey(path, `the parameter \`${name}\` has no value`, `give -p ${name}=VALUE or a \`default\``);
      else complain(`\`${name}\` is ${describe(text)}`, `write -p ${name}=… with ${an(type)}`);
      values[name] = '';
      continue;
    }
    if (!isOfType(value, type)) complain(`\`${name}\` is ${describe(value)}`, `write ${an(type)}`);
    else if (fields['pattern'] !== undefined) checkPattern(name, String(value), fields['pattern'], faults, complain);
    values[name] = value as Scalar;
  }
  for (const name of Object.keys(given)) {
    if (names.includes(name)) continue;
    const near = nearest(name, names);
    const hint = near
      ? `write -p ${near}=…`
      : names.length > 0
        ? `it declares ${names.join(', ')}`
        : 'declare it under `params`';
    faults.addElsewhere('-p', `the file declares no parameter \`${name}\``, hint);
  }
  return values;
}

function checkPattern(
  name: string,
  value: string,
  pattern: unknown,
  faults: FaultList,
  complain: (message: string, hint: string) => void,
): void {
  let expression: RegExp;
  try {
    expression = new RegExp(pattern as string, 'u');
  } catch {
    faults.add(['params', name, 'pattern'], '`pattern` is no regular expression', 'write one such as "^[a-z-]+$"');
    return;
  }
  if (!expression.test(value))
    complain(`\`${name}\` is ${describe(value)}`, `write a text that matches ${String(pattern)}`);
}

const typeOf = (value: unknown): string =>
  typeof value === 'number' || typeof value === 'boolean' ? typeof value : 'string';
const an = (type: string): string =>
  type === 'integer' ? 'a whole number' : type === 'boolean' ? 'true or false' : `a ${type}`;

function convert(text: string, type: string): Scalar | undefined {
  if (type === 'string') return text;
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : undefined;
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : undefined;
}

function isOfType(value: unknown, type: string): boolean {
  return type === 'integer' ? Number.isInteger(value) : typeof value === type;
}
