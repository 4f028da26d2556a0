import { z } from 'zod';
import type { AllowedCall, InputFault, Tool, ToolOutput } from './tool.ts';

interface Shape<Input> {
  name: string;
  description: string;
  kind: Tool['kind'];
  input: z.ZodType<Input>;
  /** See `PreparedCall.path`. */
  path(input: Input): string | undefined;
  /** Of kind `command`: the text for the shell. */
  command?(input: Input): string;
  /** Of kind `fetch`: what it asks for, its host canonical. */
  url?(input: Input): URL;
  run(input: Input, call: AllowedCall): Promise<ToolOutput>;
}

/** A tool out of its input's schema, which makes both the definition the model sees and the parser. */
export function defineTool<Input>({ name, description, kind, input, path, command, url, run }: Shape<Input>): Tool {
  const schema = z.toJSONSchema(input, { override: withoutSafeLimit });
  delete schema.$schema;
  return {
    definition: { name, description, input_schema: { ...schema, type: 'object' } },
    kind,
    prepare(raw) {
      const parsed = input.safeParse(raw);
      if (!parsed.success) return fault(name, raw, parsed.error.issues, Object.keys(schema.properties ?? {}));
      const asked = {
        ...(command && { command: command(parsed.data) }),
        ...(url && { url: url(parsed.data) }),
      };
      return { ok: true, path: path(parsed.data), ...asked, run: (call) => run(parsed.data, call) };
    },
  };
}

/** Largest integer of JavaScript: no news to a model. */
function withoutSafeLimit({ jsonSchema }: { jsonSchema: { maximum?: number } }): void {
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
}

function fault(tool: string, raw: unknown, issues: readonly z.core.$ZodIssue[], keys: readonly string[]): InputFault {
  const unknown = issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : []));
  const takes = `${tool} takes ${keys.join(', ')}.`;
  const flag = unknown.find((key) => key.startsWith('-'));
  if (flag !== undefined)
    return {
      ok: false,
      reason: 'FLAG_DENIED',
      message: `${flag} is refused: flags of programs cannot be set. ${takes}`,
    };
  const said = issues.map((issue) => {
    if (issue.code === 'unrecognized_keys') return `unknown: ${issue.keys.join(', ')}`;
    if (issue.path.length === 0) return 'the input must be an object';
    const isMissing = issue.code === 'invalid_type' && !Object.hasOwn(Object(raw) as object, String(issue.path[0]));
    return `${issue.path.join('.')}: ${isMissing ? 'missing' : issue.message}`;
  });
  return { ok: false, message: `The input does not fit: ${said.join('; ')}. ${takes}` };
}
