import type { Client, Connection } from '@temporalio/client';
import { SearchAttributeType } from '@temporalio/common';
import { encodeSearchAttributeIndexedValueType } from '@temporalio/common/lib/search-attributes.js';
import { FLEET_SEARCH_ATTRIBUTES } from '../../workflows/contract/search-attributes.ts';

const known = new WeakMap<object, Promise<boolean>>();

/**
 * Whether the client's namespace has the search attributes of roots: then a root starts with them. Asked once per
 * connection; where nobody may ask, or the question fails, fleets go without.
 */
export function hasSearchAttributes({ connection, options }: Client): Promise<boolean> {
  const found = known.get(connection);
  if (found) return found;
  const asked = missingSearchAttributes(connection as Connection, options.namespace).then(
    (missing) => missing.length === 0,
    () => {
      known.delete(connection); // perhaps it answers the next time
      return false;
    },
  );
  known.set(connection, asked);
  return asked;
}

/** Those of roots that the namespace does not know, or knows as something else than a keyword. */
export async function missingSearchAttributes({ operatorService }: Connection, namespace: string): Promise<string[]> {
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
  return FLEET_SEARCH_ATTRIBUTES.filter(
    ({ name, type }) => customAttributes?.[name] !== encodeSearchAttributeIndexedValueType(type),
  ).map(({ name }) => name);
}

/** Adds what is missing: for a server that is ours. */
export async function addSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const missing = await missingSearchAttributes(connection, namespace);
  if (missing.length === 0) return;
  const type = encodeSearchAttributeIndexedValueType(SearchAttributeType.KEYWORD)!;
  const searchAttributes = Object.fromEntries(missing.map((name) => [name, type]));
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
}

/** What an operator types to have them. */
export const registration = (missing: readonly string[], namespace: string): string =>
  `temporal operator search-attribute create --namespace ${namespace} ${missing.map((name) => `--name ${name} --type Keyword`).join(' ')}`;
