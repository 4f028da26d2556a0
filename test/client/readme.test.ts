import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveGrant } from '../../client/spec/permissions.ts';
import { decide, type PermissionRequest } from '../../workflows/policy/permission.ts';

const README = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');

/** Cells in backticks of the table with this head. */
function rowsOf(head: string): string[][][] {
  const lines = README.slice(README.indexOf(head)).split('\n').slice(2);
  const end = lines.findIndex((line) => !line.startsWith('|'));
  return lines.slice(0, end).map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text!)),
  );
}

/** A call as the page writes it: `Edit src/a.ts`, `Bash npm test`, `mcp__s__tool`. */
function request(text: string): PermissionRequest {
  const [tool = '', ...rest] = text.split(' ');
  const subject = rest.join(' ');
  const common = { tool, directory: '', paths: [] };
  if (tool === 'Bash') return { ...common, kind: 'command', command: subject };
  if (tool === 'WebFetch') return { ...common, kind: 'fetch', host: new URL(subject).hostname };
  if (subject === '') return { ...common, kind: 'other' };
  const kind = tool === 'Edit' || tool === 'Write' ? 'edit' : 'read';
  return { ...common, kind, paths: [new URL(subject, 'file:///').pathname.slice(1)] };
}

describe('the permissions page', () => {
  const rows = rowsOf('| rule ');

  it('has an example of each kind of rule', () => {
    expect(rows.length).toBeGreaterThanOrEqual(14);
  });

  it.each(rows)('%j allows %j and denies %j', (rules, allowed, denied) => {
    for (const rule of rules) {
      const { faults, warnings } = resolveGrant({ allow: [rule] });
      expect({ faults, warnings }).toEqual({ faults: [], warnings: [] });
      // Alone: rules of the file stand on top of read-only.
      const grant = { allow: [rule], deny: [], mode: 'dontAsk' as const };
      for (const call of allowed) expect(decide(request(call), grant), call).toMatchObject({ allow: true });
      for (const call of denied) expect(decide(request(call), grant), call).toMatchObject({ allow: false });
    }
    expect(allowed.length * denied.length).toBeGreaterThan(0);
  });

  it('says of each preset what it really allows', () => {
    const calls = ['Read a/b', 'Edit a/b', 'Bash make', 'WebFetch https://example.com/'];
    for (const [preset] of rowsOf('| preset ')) {
      const { grant } = resolveGrant(preset![0]);
      const may = calls.map((call) => decide(request(call), grant).allow);
      const expected = { 'read-only': [true, false, false, false], edit: [true, true, false, false] }[preset![0]!];
      expect(may, preset![0]).toEqual(expected ?? [true, true, true, false]);
    }
  });
});

describe('the operator’s page', () => {
  it('names each key with its variable', () => {
    const table = rowsOf('| key ').map(([key, variable]) => [key![0], variable![0]]);
    expect(table).toEqual([
      ['sandbox', 'MUSTER_SANDBOX'],
      ['sandboxReadOnlyPaths', 'MUSTER_SANDBOX_PATHS'],
      ['egressInternal', 'MUSTER_EGRESS_INTERNAL'],
      ['mcpServers', 'MUSTER_MCP_CONFIG'],
      ['encryptionKeysFile', 'MUSTER_ENCRYPTION_KEYS_FILE'],
    ]);
  });
});
