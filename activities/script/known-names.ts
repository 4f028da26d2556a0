/** What a script may do besides computing. */
export const SCRIPT_GLOBALS = [
  ...['agent', 'agentResult', 'parallel', 'pipeline', 'phase', 'log', 'args', 'budget', 'workflow', 'approve'],
] as const;

/** JavaScript's own names that the engine has; a test holds this list against it. */
export const ENGINE_GLOBALS = [
  ...['Object', 'Function', 'Error', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError'],
  ...['URIError', 'InternalError', 'AggregateError', 'SuppressedError', 'Iterator', 'Array', 'parseInt', 'parseFloat'],
  ...['isNaN', 'isFinite', 'queueMicrotask', 'decodeURI', 'decodeURIComponent', 'encodeURI', 'encodeURIComponent'],
  ...['escape', 'unescape', 'Infinity', 'NaN', 'undefined', 'eval', 'Number', 'Boolean', 'String', 'Math', 'Reflect'],
  ...['Symbol', 'DisposableStack', 'globalThis', 'BigInt', 'Date', 'RegExp', 'JSON', 'Proxy', 'Map', 'Set'],
  ...['WeakMap', 'WeakSet', 'ArrayBuffer', 'SharedArrayBuffer', 'Uint8ClampedArray', 'Int8Array', 'Uint8Array'],
  ...['Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array', 'BigInt64Array', 'BigUint64Array', 'Float16Array'],
  ...['Float32Array', 'Float64Array', 'DataView', 'Promise', 'AsyncDisposableStack', 'DOMException', 'btoa', 'atob'],
] as const;

const OUTSIDE = 'a script has no files, shell, network or Node: let an agent() do it';
const TIMERS = 'a script has no clock: await agents, and use approve(title) to wait for a person';

/** What to do instead of names that other places have. */
export const ABSENT_NAMES: Readonly<Record<string, string>> = {
  require: OUTSIDE,
  process: OUTSIDE,
  module: 'return the value; a script exports nothing but meta',
  exports: 'return the value; a script exports nothing but meta',
  Buffer: OUTSIDE,
  fetch: OUTSIDE,
  fs: OUTSIDE,
  path: OUTSIDE,
  URL: 'take addresses apart as text',
  console: 'use log(message)',
  print: 'use log(message)',
  setTimeout: TIMERS,
  setInterval: TIMERS,
  setImmediate: TIMERS,
  clearTimeout: TIMERS,
  sleep: TIMERS,
  performance: TIMERS,
  structuredClone: 'use JSON.parse(JSON.stringify(value))',
  crypto: 'take ids from args, or number things by their index',
  WebAssembly: OUTSIDE,
  Worker: 'use parallel([() => agent(…), …])',
  WeakRef: 'keep the value itself',
  FinalizationRegistry: 'keep the value itself',
  window: OUTSIDE,
  global: 'write globalThis',
  Task: 'write agent(prompt, options)',
  spawn_subagents: 'write agent(prompt, options), or parallel() of many',
};
