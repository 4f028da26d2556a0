import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

/** Compiling finds dangling references too, at some milliseconds each; beyond this many only the meta-schema is asked. */
const MAX_COMPILED = 200;

/** Checks output schemas, each distinct one once. */
export class OutputSchemas {
  readonly #verdicts = new Map<string, string | undefined>();
  readonly #ajv = new Ajv2020({ strict: false, allErrors: false, logger: false });

  constructor() {
    (addFormats as unknown as (ajv: Ajv2020) => void)(this.#ajv);
  }

  /** What is wrong with a schema, in words; undefined when nothing is. */
  fault(schema: Record<string, unknown>): string | undefined {
    const text = JSON.stringify(schema);
    if (!this.#verdicts.has(text)) this.#verdicts.set(text, this.#judge(schema));
    return this.#verdicts.get(text);
  }

  #judge(schema: Record<string, unknown>): string | undefined {
    if (schema['type'] !== 'object') return 'its root is not of type object';
    try {
      if (this.#ajv.validateSchema(schema) !== true) {
        const [error] = this.#ajv.errors ?? [];
        return `${error?.instancePath || 'its root'} ${error?.message ?? 'is invalid'}`;
      }
      if (this.#verdicts.size < MAX_COMPILED) this.#ajv.compile(schema);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      this.#ajv.removeSchema(schema);
      if (typeof schema['$id'] === 'string') this.#ajv.removeSchema(schema['$id']);
    }
  }
}
