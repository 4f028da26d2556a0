import { readConfig } from '../../client/config.ts';
import { obtainServerBinary } from '../../client/local/server-binary.ts';

/** Obtains the server binary as a command would, prints its path, and its progress on stderr. argv: where to download from. */
const { path } = await obtainServerBinary(readConfig(), {
  downloads: process.argv[2]!,
  onProgress: (line) => console.error(line),
});
console.log(path);
