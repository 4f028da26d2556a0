import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Forwards TCP connections to one port, and cuts those whose answer begins while it is told to. */
export class CuttingProxy {
  /** Answers still to be cut, before their first byte reaches the client. */
  toCut = 0;
  /** Which requests: those whose first line and headers match. */
  isMeant: (request: string) => boolean = () => true;
  cuts = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number) {
    this.#server = createServer((client) => this.#forward(client, connect(port, '127.0.0.1')));
  }

  static async start(port: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(port);
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #forward(client: Socket, server: Socket): void {
    let request = '';
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    client.on('data', (chunk: Buffer) => {
      request += chunk.toString('latin1').slice(0, 4_000);
      server.write(chunk);
    });
    server.on('data', (chunk: Buffer) => {
      const isInterim = chunk.toString('latin1', 0, 12).startsWith('HTTP/1.1 100');
      if (!isInterim && this.toCut > 0 && this.isMeant(request)) {
        this.toCut--;
        this.cuts++;
        client.resetAndDestroy();
        return void server.destroy();
      }
      if (!isInterim) request = '';
      client.write(chunk);
    });
  }
}
