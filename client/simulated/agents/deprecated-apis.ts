/**
 * APIs Node has deprecated and programs still use, written from memory of its list of deprecations as of v24, not copied
 * from it; and `substr`, which ECMA-262 keeps in its Annex B alone. `querystring` is missing: it is legacy, not deprecated.
 */

export type Rewrite =
  /** The call's callee becomes this text. */
  | { kind: 'callee'; to: string }
  /** The call becomes an expression over its argument; `$` stands for it. `isOnce`: it stands there once. */
  | { kind: 'expression'; to: string; isOnce: boolean }
  /** The member gets another name. */
  | { kind: 'member'; to: string }
  /** `object.member` becomes `object.<under>.member`. */
  | { kind: 'under'; to: string }
  /** Somebody has to decide. */
  | { kind: 'none'; why: string };

export interface DeprecatedMember {
  source: string;
  rewrite: Rewrite;
}

const callee = (source: string, to: string): DeprecatedMember => ({ source, rewrite: { kind: 'callee', to } });
const test = (source: string, to: string): DeprecatedMember => ({
  source,
  rewrite: { kind: 'expression', to, isOnce: to.split('$').length === 2 },
});
const open = (source: string, why: string): DeprecatedMember => ({ source, rewrite: { kind: 'none', why } });
const access = (): DeprecatedMember => ({ source: 'DEP0176', rewrite: { kind: 'under', to: 'constants' } });

/** By module and member. */
export const MEMBERS: Readonly<Record<string, Readonly<Record<string, DeprecatedMember>>>> = {
  util: {
    isArray: callee('DEP0044', 'Array.isArray'),
    isBoolean: test('DEP0045', "typeof $ === 'boolean'"),
    isBuffer: callee('DEP0046', 'Buffer.isBuffer'),
    isDate: { source: 'DEP0047', rewrite: { kind: 'under', to: 'types' } },
    isError: open('DEP0048', 'errors of other realms and things made to look like errors need a look'),
    isFunction: test('DEP0049', "typeof $ === 'function'"),
    isNull: test('DEP0050', '$ === null'),
    isNullOrUndefined: test('DEP0051', '$ === null || $ === undefined'),
    isNumber: test('DEP0052', "typeof $ === 'number'"),
    isObject: test('DEP0053', "$ !== null && typeof $ === 'object'"),
    isPrimitive: open('DEP0054', 'nothing takes its place'),
    isRegExp: { source: 'DEP0055', rewrite: { kind: 'under', to: 'types' } },
    isString: test('DEP0056', "typeof $ === 'string'"),
    isSymbol: test('DEP0057', "typeof $ === 'symbol'"),
    isUndefined: test('DEP0058', '$ === undefined'),
    log: open('DEP0059', 'a logger has to be chosen'),
    _extend: callee('DEP0060', 'Object.assign'),
  },
  url: {
    parse: open('DEP0169', 'new URL throws for relative and invalid addresses, where url.parse does not'),
  },
  fs: {
    exists: open('DEP0034', 'its callback has no error argument: fs.stat or fs.access need another callback'),
    F_OK: access(),
    R_OK: access(),
    W_OK: access(),
    X_OK: access(),
  },
  os: { tmpDir: { source: 'DEP0022', rewrite: { kind: 'member', to: 'tmpdir' } } },
  crypto: {
    createCipher: open('DEP0106', 'createCipheriv needs a key and an IV of its own'),
    createDecipher: open('DEP0106', 'createDecipheriv needs a key and an IV of its own'),
  },
  process: {
    binding: open('DEP0111', 'Node’s internals have no public replacement'),
    assert: open('DEP0100', 'an assertion library has to be chosen'),
  },
  buffer: { SlowBuffer: open('DEP0030', 'Buffer.allocUnsafeSlow makes none of its own class') },
};

/** Deprecated as a whole. */
export const MODULES: Readonly<Record<string, DeprecatedMember & { to?: string }>> = {
  sys: { source: 'DEP0025', rewrite: { kind: 'none', why: '' }, to: 'util' },
  domain: open('DEP0032', 'nothing takes its place yet'),
  punycode: open('DEP0040', 'the package punycode has to become a dependency'),
  constants: open('DEP0008', 'each constant has to be taken from the module it belongs to'),
};

/** Members of globals of the module system. */
export const GLOBALS: Readonly<Record<string, Readonly<Record<string, DeprecatedMember>>>> = {
  module: { parent: open('DEP0144', 'require.main and module.children each answer a part of it') },
  require: { extensions: open('DEP0039', 'module.registerHooks works another way') },
};

/** Lines that may hold one of them, for ripgrep: it finds too much rather than too little. */
export const SUSPICIOUS = [
  String.raw`\.substr\b`,
  String.raw`\b(Slow)?Buffer\s*\(`,
  String.raw`\bSlowBuffer\b`,
  String.raw`\bprocess\.(binding|assert)\b`,
  String.raw`\bmodule\.parent\b|\brequire\.extensions\b`,
  String.raw`(require\s*\(|from|import)\s*['"](node:)?(${Object.keys(MODULES).join('|')})['"]`,
  ...['util', 'url', 'fs', 'os', 'crypto'].flatMap((name) => {
    const members = Object.keys(MEMBERS[name] ?? {}).join('|');
    return [
      String.raw`(?i:${name})\w*(['"]\))?(\.default)?\)?\??\.(${members})\b`,
      String.raw`\{[^}]*\b(${members})\b[^}]*\}\s*(=\s*require\s*\(|from)\s*['"](node:)?${name}['"]`,
    ];
  }),
].join('|');
