import { pathToFileURL } from 'node:url';
import { entry } from '../../local/entries.ts';
import type { Register } from '../context.ts';

/** For the help and for `client/cli/main.ts`: `bin/muster.js` starts `workers/supervised` without coming by here. */
export const register: Register = (program) => {
  program
    .command('worker')
    .summary('be a worker, configured by the environment')
    .description(
      'Works for fleets until SIGTERM, then hands over what it holds. Its configuration is in the environment: MUSTER_HOME, ' +
        'MUSTER_ARTIFACTS, TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN, ANTHROPIC_BASE_URL.',
    )
    .option('--role <role>', 'orchestrator, subagent or all', 'all')
    .option('--listen <host:port>', 'serve health and metrics there')
    .option('--make-current', 'make TEMPORAL_WORKER_BUILD_ID the build that workflows go on with')
    .action(async () => {
      // It reads the same command line itself.
      await import(pathToFileURL(entry('workers/supervised')).href);
    });
};
