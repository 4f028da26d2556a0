import { readConfig, SIMULATED } from '../../client/config.ts';
import { openStack } from '../../client/local/open-stack.ts';
import { readServer } from '../../client/local/server.ts';
import { TINY } from './tiny-entries.ts';

/** Brings the stack of its environment up with a worker, prints {address, queue}, and leaves as a command does. */
const config = readConfig();
const stack = await openStack(config, { onProgress: (line) => console.error(line), entries: TINY });
const queue = await stack.ensureWorker(SIMULATED);
console.log(JSON.stringify({ address: readServer(config.home)?.address, queue }));
await stack[Symbol.asyncDispose]();
