import { attenuate } from '../../workflows/policy/attenuation.ts';
import type { Grant } from '../../workflows/contract/task.schema.ts';
import type { AgentDefinition } from './agents.ts';
import { narrowGrant } from './agent-grant.ts';
import type { FaultList } from './fault-list.ts';
import { grantOfFlags, type GivenRules } from './flag-grant.ts';
import { resolveGrant, type Permissions } from './permissions.ts';
import type { Path } from './source-document.ts';

export interface AskedGrant {
  /** As the task names it. */
  own: Permissions | undefined;
  path: Path;
  /** Its tools narrow the grant. */
  agent: AgentDefinition | undefined;
  /** Servers the task uses; each should be granted by some rule. */
  mcpServers: readonly string[] | undefined;
}

const TASK_BEYOND = {
  message: 'the task is granted more than its fleet',
  hint: "remove it here, or allow it in the fleet's `permissions`",
};
const FLEET_BEYOND = {
  message: 'the fleet is granted more than its flags leave',
  hint: 'remove it here, or give --allow',
};
const FLAGS_BEYOND = { ...FLEET_BEYOND, message: 'the task is granted more than the flags leave' };

/** What the tasks of one fleet may do: as its fleet says, or as they say themselves within that. */
export class Grants {
  readonly warnings = new Set<string>();
  readonly #faults: FaultList;
  readonly #ofFleet: Grant | undefined;
  /** Of a task that asks for more than there is. */
  readonly #said: { message: string; hint: string };
  /** Of permissions in which nothing was wrong: 100,000 tasks mostly share a few. */
  readonly #sound = new Map<string, Grant>();

  /** `ceiling`: rules given beside the fleet, which bound its own. */
  constructor(
    { ofFleet, ceiling }: { ofFleet: Permissions | undefined; ceiling: GivenRules | undefined },
    faults: FaultList,
  ) {
    this.#faults = faults;
    const most = ceiling && grantOfFlags(ceiling, { faults, warnings: this.warnings });
    const own = ofFleet === undefined ? undefined : this.#read(ofFleet, ['permissions']);
    this.#said = own ? TASK_BEYOND : FLAGS_BEYOND;
    const within = own && most ? this.#within(most, own, ['permissions'], FLEET_BEYOND) : own;
    this.#ofFleet = within ?? most;
  }

  resolve({ own, path, agent, mcpServers = [] }: AskedGrant): Grant {
    const asked = own === undefined ? (this.#ofFleet ?? this.#read(own, path)) : this.#ofTask(own, path);
    const narrowed = agent?.tools ? narrowGrant(asked, agent.tools) : undefined;
    for (const tool of narrowed?.unknown ?? [])
      this.warnings.add(`the agent ${agent!.name} names the tool ${tool}, which muster does not have`);
    const grant = narrowed?.grant ?? asked;
    for (const server of mcpServers) {
      if (!grant.allow.some((rule) => mayNameServer(rule, server)))
        this.warnings.add(
          `the MCP server ${server} is granted by no rule: allow mcp__${server}__* or single tools of it`,
        );
    }
    return grant;
  }

  #ofTask(own: Permissions, path: Path): Grant {
    const key = JSON.stringify(own);
    const known = this.#sound.get(key);
    if (known) return known;
    const before = this.#faults.faults.length;
    const asked = this.#read(own, path);
    const grant = this.#ofFleet ? this.#within(this.#ofFleet, asked, path, this.#said) : asked;
    if (this.#faults.faults.length === before) this.#sound.set(key, grant);
    return grant;
  }

  #within(bound: Grant, grant: Grant, path: Path, said: { message: string; hint: string }): Grant {
    const { grant: within, beyond } = attenuate(bound, grant);
    if (beyond.length > 0) this.#faults.add(path, `${said.message} (GRANT_INVALID): ${beyond.join(', ')}`, said.hint);
    return within;
  }

  #read(permissions: Permissions | undefined, path: Path): Grant {
    const { grant, faults, warnings } = resolveGrant(permissions);
    for (const { list, index, message, hint } of faults) this.#faults.add([...path, list, index], message, hint);
    for (const warning of warnings) this.warnings.add(warning);
    return grant;
  }
}

const mayNameServer = (rule: string, server: string): boolean =>
  rule === '*' || rule === 'mcp__*' || rule === `mcp__${server}` || rule.startsWith(`mcp__${server}__`);
