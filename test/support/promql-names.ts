/** Words of PromQL that look like the name of a metric. */
const WORDS = new Set([
  ...['sum', 'min', 'max', 'avg', 'count', 'topk', 'bottomk', 'quantile', 'by', 'without', 'on', 'ignoring'],
  ...[
    'group_left',
    'group_right',
    'and',
    'or',
    'unless',
    'bool',
    'offset',
    'rate',
    'irate',
    'increase',
    'delta',
    'idelta',
  ],
  ...[
    'histogram_quantile',
    'clamp_min',
    'clamp_max',
    'absent',
    'vector',
    'scalar',
    'time',
    'label_replace',
    'inf',
    'nan',
  ],
  ...[
    'max_over_time',
    'min_over_time',
    'avg_over_time',
    'sum_over_time',
    'changes',
    'resets',
    'deriv',
    'predict_linear',
  ],
]);

/** The names of the metrics that an expression of PromQL reads; `up` is everybody's and left out. */
export function metricNames(expression: string): string[] {
  const bare = expression
    .replace(/"(?:[^"\\]|\\.)*"/g, '""')
    .replace(/\{[^}]*\}/g, ' ')
    .replace(/\[[^\]]*\]/g, ' ')
    .replace(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ');
  const words = bare.match(/[a-zA-Z_:][a-zA-Z0-9_:]*/g) ?? [];
  return [...new Set(words.filter((word) => !WORDS.has(word.toLowerCase()) && word !== 'up'))];
}

/** Names of all series of an exposition, `_bucket`, `_sum` and `_count` of histograms among them. */
export function exposedNames(exposition: string): Set<string> {
  const names = new Set<string>();
  for (const line of exposition.split('\n')) {
    const [, name, type] = /^# TYPE (\S+) (\S+)/.exec(line) ?? [];
    if (name === undefined) continue;
    if (type !== 'histogram' && type !== 'summary') names.add(name);
    else for (const part of ['_bucket', '_sum', '_count']) names.add(`${name}${part}`);
  }
  return names;
}
