/**
 * The group of models that share one set of limits: line and major version, as the API groups them (Fable with Mythos). A
 * model whose id is not built like that is a group of its own, which at worst is too cautious.
 */
export function modelClass(model: string): string {
  const [, line = '', major = ''] = /^claude-([a-z]+)-(\d{1,2})(?:-|$)/.exec(model) ?? [];
  if (line === '') return model;
  return `${line === 'mythos' ? 'fable' : line}-${major}`;
}
