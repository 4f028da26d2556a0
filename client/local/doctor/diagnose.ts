import type { Config } from '../../config.ts';
import { failed, ok, shownUrl, type Check } from './check.ts';
import { homeChecks } from './home-checks.ts';
import { hostChecks } from './host-checks.ts';
import { sandboxChecks } from './sandbox-checks.ts';
import { serverChecks } from './server-checks.ts';
import { storeCheck } from './store-checks.ts';

/**
 * Looks at every need, each on its own, in a second or two. Starts nothing, and changes nothing but what is written to
 * a store on S3 and removed again.
 */
export async function diagnose(config: Config): Promise<Check[]> {
  const [host, sandbox, server, store] = await Promise.all([
    hostChecks(config),
    sandboxChecks(config),
    serverChecks(config),
    storeCheck(config),
  ]);
  return [...host, ...sandbox, ...server, ...homeChecks(config), store, ...encryption(config), credentials(config)];
}

/** Nothing where none is given: most have no use for it. */
function encryption({ operator }: Config): Check[] {
  const [first, ...more] = operator.encryptionKeys.map(({ id }) => id);
  if (first === undefined) return [];
  const others = more.length > 0 ? `; ${more.join(', ')} still decrypt` : '';
  return [ok('encryption', `payloads in Temporal are encrypted with the key ${first}${others}`)];
}

function credentials({ claude }: Config): Check {
  if (claude)
    return ok(
      'credentials',
      `${claude.apiKey ? 'ANTHROPIC_API_KEY' : 'ANTHROPIC_AUTH_TOKEN'} for ${shownUrl(claude.baseUrl)}`,
    );
  const hint = 'set ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN; `muster run --simulate` needs none';
  return failed('credentials', 'ANTHROPIC_API_KEY and ANTHROPIC_AUTH_TOKEN are unset or empty', hint);
}
