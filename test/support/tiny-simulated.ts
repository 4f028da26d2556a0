import { createServer } from 'node:http';

/** Speaks as the simulated Claude does when it starts, and answers every request with its own pid. */
const port = Number(process.argv[process.argv.indexOf('--port') + 1]);
const server = createServer((_, response) => response.end(String(process.pid)));
server.listen(port, '127.0.0.1', () => console.log(JSON.stringify({ url: `http://127.0.0.1:${port}` })));
