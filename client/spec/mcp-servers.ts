import { secretKind } from '../../activities/observe/redaction.ts';
import { hasPassword } from '../../activities/targets/target.ts';
import { MCP_SERVER_NAME } from '../../workflows/contract/operator.schema.ts';
import type { McpServer } from '../../workflows/contract/task.schema.ts';
import { nameProblem, valueProblem } from '../../workflows/policy/environment.ts';
import type { FaultList } from './fault-list.ts';
import { nearest } from './keys.ts';
import type { McpServerShape } from './mcp-shape.ts';
import type { Path } from './source-document.ts';

const SECRET_HEADER = /authorization|cookie|token|secret|password|credential|api-?key|access-?key/i;
const NO_SECRETS = 'remove it: only servers that the operator declares may hold secrets';

/** The MCP servers of one fleet: those it declares, at its head or in tasks, under names that mean one thing each. */
export class McpDeclarations {
  readonly warnings = new Set<string>();
  readonly #faults: FaultList;
  readonly #operators: readonly string[];
  readonly #declared = new Map<string, McpServer>();
  /** What was read before: tasks over targets repeat their declarations. */
  readonly #read = new Map<string, McpServer | undefined>();

  /** `operators`: names that the operator of this machine's workers declares. */
  constructor(operators: readonly string[], faults: FaultList) {
    this.#operators = operators;
    this.#faults = faults;
  }

  /** All of them; undefined: none. */
  get all(): Record<string, McpServer> | undefined {
    return this.#declared.size === 0 ? undefined : Object.fromEntries([...this.#declared].sort());
  }

  /** Takes declarations in; answers their names, sorted. The same name with another declaration is a fault. */
  declare(servers: Readonly<Record<string, McpServerShape>>, path: Path): string[] {
    for (const [name, shape] of Object.entries(servers)) {
      if (!this.#isName(name, [...path, name], 'addKey')) continue;
      const server = this.#serverOf(name, shape, [...path, name]);
      const other = this.#declared.get(name);
      if (server && other && JSON.stringify(other) !== JSON.stringify(server)) {
        const message = `the MCP server ${JSON.stringify(name)} is declared otherwise elsewhere in this file`;
        this.#faults.addKey([...path, name], message, 'write another name, or declare it once for the fleet');
      } else if (server) this.#declared.set(name, server);
    }
    return Object.keys(servers).sort();
  }

  /** The names a task lists, sorted: of the fleet's declarations, else taken as the operator's. */
  use(names: readonly string[], path: Path): string[] {
    names.forEach((name, i) => {
      if (!this.#isName(name, [...path, i], 'add')) return;
      if (this.#declared.has(name) || this.#operators.includes(name)) return;
      const near = nearest(name, [...this.#declared.keys(), ...this.#operators]);
      const hint = near === undefined ? '' : ` (or did you mean ${near}?)`;
      this.warnings.add(
        `the MCP server ${name} is declared nowhere here: the operator of the worker must have it${hint}`,
      );
    });
    return [...new Set(names)].sort();
  }

  #isName(name: string, path: Path, add: 'add' | 'addKey'): boolean {
    if (MCP_SERVER_NAME.test(name)) return true;
    const message = `${JSON.stringify(name)} is no name of an MCP server`;
    this.#faults[add](path, message, 'write letters, digits and -, at most 64');
    return false;
  }

  #serverOf(name: string, shape: McpServerShape, path: Path): McpServer | undefined {
    const key = `${name} ${JSON.stringify(shape)}`;
    if (!this.#read.has(key)) this.#read.set(key, this.#newServer(shape, path));
    return this.#read.get(key);
  }

  #newServer(shape: McpServerShape, path: Path): McpServer | undefined {
    const { command, url, args = [], env = {}, headers = {} } = shape;
    const type = shape.type ?? (url === undefined ? 'stdio' : 'http');
    const [mine, others] =
      type === 'stdio' ? (['command', ['url', 'headers']] as const) : (['url', ['command', 'args', 'env']] as const);
    if (shape[mine] === undefined)
      return this.#fault(
        path,
        `an MCP server of type ${type} needs \`${mine}\``,
        'write {command, args, env} or {url, headers}',
      );
    const stray = others.find((other) => shape[other] !== undefined);
    if (stray) return this.#fault([...path, stray], `\`${stray}\` means nothing beside \`${mine}\``, 'remove it');
    return type === 'stdio' ? this.#stdio(command!, args, env, path) : this.#http(url!, headers, path);
  }

  #stdio(command: string, args: string[], env: Record<string, string>, path: Path): McpServer {
    args.forEach((arg, i) => void this.#checkText(arg, [...path, 'args', i]));
    for (const [name, value] of Object.entries(env)) {
      const problem = nameProblem(name) ?? valueProblem(name, value, secretKind(value)) ?? variableProblem(value);
      if (problem) this.#fault([...path, 'env', name], problem.message, NO_SECRETS);
    }
    return { type: 'stdio', command, args, env };
  }

  #http(url: string, headers: Record<string, string>, path: Path): McpServer {
    const parsed = URL.parse(url);
    if (!parsed || !/^https?:$/.test(parsed.protocol))
      this.#fault([...path, 'url'], `${JSON.stringify(url)} is no http URL`, 'write https://host/path');
    else if (hasPassword(url)) this.#fault([...path, 'url'], 'the URL holds a credential', NO_SECRETS);
    else this.#checkText(url, [...path, 'url']);
    for (const [name, value] of Object.entries(headers)) {
      const at = [...path, 'headers', name];
      if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || /[^\t\x20-\x7e]/.test(value))
        this.#fault(at, `${JSON.stringify(name)} is no header`, 'write a name and a text on one line');
      else if (SECRET_HEADER.test(name)) this.#fault(at, `the header ${name} holds a secret`, NO_SECRETS);
      else this.#checkText(value, at);
    }
    return { type: 'http', url, headers };
  }

  #checkText(text: string, path: Path): void {
    const kind = secretKind(text);
    if (kind !== undefined) this.#fault(path, `this looks like a secret (${kind})`, NO_SECRETS);
    const problem = variableProblem(text);
    if (problem) this.#fault(path, problem.message, problem.hint);
  }

  #fault(path: Path, message: string, hint: string): undefined {
    this.#faults.add(path, message, hint);
  }
}

/** A fleet file may be anybody's: it must not read the worker's environment. */
function variableProblem(text: string): { message: string; hint: string } | undefined {
  return /\$\{[A-Za-z_]\w*\}/.test(text)
    ? { message: 'a variable of the environment is named', hint: NO_SECRETS }
    : undefined;
}
