import type { FaultList } from './fault-list.ts';
import { isRecord, nearest } from './keys.ts';
import type { Path } from './source-document.ts';

export type Scalar = string | number | boolean;

/** `$${{` stands for a literal `${{`. */
const EXPRESSION = /\$?\$\{\{\s*(.*?)\s*\}\}/g;
const WHOLE = /^\$\{\{\s*([\w.-]+)\s*\}\}$/;
const TARGET_NAMES = ['target.name', 'target.path', 'target.url'];

/**
 * `value` with `${{ params.x }}` filled in everywhere; a text that is nothing but one expression takes the parameter's
 * type. `${{ target.… }}` stays when `mayNameTarget`; any other name is a fault.
 */
export function fillParams(
  value: unknown,
  params: Readonly<Record<string, Scalar>>,
  path: Path,
  mayNameTarget: boolean,
  faults: FaultList,
): unknown {
  if (typeof value === 'string') {
    if (!value.includes('${{')) return value;
    const look = (name: string): Scalar | undefined => {
      const param = name.startsWith('params.') ? name.slice('params.'.length) : undefined;
      if (param !== undefined && Object.hasOwn(params, param)) return params[param];
      if (TARGET_NAMES.includes(name) && mayNameTarget) return undefined;
      if (TARGET_NAMES.includes(name)) {
        faults.add(path, `\`${name}\` means nothing here`, 'use it in the `task` of a fleet with `targets`');
      } else {
        const known = [...Object.keys(params).map((key) => `params.${key}`), ...(mayNameTarget ? TARGET_NAMES : [])];
        const near = nearest(name, known);
        const list = known.length > 0 ? `known names: ${known.join(', ')}` : 'declare it under `params`';
        faults.add(path, `\`\${{ ${name} }}\` names nothing known`, near ? `write \`\${{ ${near} }}\`` : list);
      }
      return undefined;
    };
    const whole = WHOLE.exec(value)?.[1];
    if (whole !== undefined) return look(whole) ?? value;
    return value.replace(EXPRESSION, (text, name: string) =>
      text.startsWith('$$') ? (mayNameTarget ? text : text.slice(1)) : String(look(name) ?? text),
    );
  }
  if (Array.isArray(value))
    return value.map((item, i) => fillParams(item, params, [...path, i], mayNameTarget, faults));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, fillParams(item, params, [...path, key], mayNameTarget, faults)]),
  );
}

/** `value` with `${{ target.name|path|url }}` filled in; names were checked by `fillParams`. */
export function fillTarget(value: unknown, target: { name: string; path: string; url: string }): unknown {
  if (typeof value === 'string') {
    if (!value.includes('${{')) return value;
    return value.replace(EXPRESSION, (text, name: string) => {
      if (text.startsWith('$$')) return text.slice(1);
      return name === 'target.name'
        ? target.name
        : name === 'target.path'
          ? target.path
          : name === 'target.url'
            ? target.url
            : text;
    });
  }
  if (Array.isArray(value)) return value.map((item) => fillTarget(item, target));
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fillTarget(item, target)]));
}
