import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A span as a collector has it. */
export interface ReceivedSpan {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  attributes: Record<string, unknown>;
  /** 2: an error. */
  statusCode: number;
  statusMessage: string | undefined;
  durationMs: number;
  service: string;
}

interface Value {
  stringValue?: string;
  intValue?: string | number;
  doubleValue?: number;
  boolValue?: boolean;
  arrayValue?: { values: Value[] };
}
type Attributes = { key: string; value: Value }[];
interface Exported {
  resourceSpans: {
    resource: { attributes: Attributes };
    scopeSpans: {
      spans: {
        name: string;
        traceId: string;
        spanId: string;
        parentSpanId?: string;
        attributes: Attributes;
        status?: { code?: number; message?: string };
        startTimeUnixNano: string;
        endTimeUnixNano: string;
      }[];
    }[];
  }[];
}

/** A collector of traces by OTLP over HTTP with JSON, as much of one as a test needs. */
export class OtlpReceiver implements AsyncDisposable {
  readonly url: string;
  /** All that was sent, as it came. */
  bodies = '';
  readonly headers: IncomingHttpHeaders[] = [];
  readonly spans: ReceivedSpan[] = [];
  private readonly server: Server;

  private constructor(server: Server) {
    this.server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port.toString()}`;
  }

  static async start(): Promise<OtlpReceiver> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const receiver = new OtlpReceiver(server);
    server.on('request', (request, response) => {
      void buffer(request).then((body) => {
        receiver.take(request.url ?? '', request.headers, body.toString());
        response.setHeader('content-type', 'application/json').end('{}');
      });
    });
    return receiver;
  }

  named(name: string): ReceivedSpan[] {
    return this.spans.filter((span) => span.name === name);
  }

  private take(path: string, headers: IncomingHttpHeaders, body: string): void {
    if (path !== '/v1/traces') throw new Error(`not a path of OTLP: ${path}`);
    this.bodies += body;
    this.headers.push(headers);
    for (const { resource, scopeSpans } of (JSON.parse(body) as Exported).resourceSpans) {
      const service = String(valuesOf(resource.attributes)['service.name']);
      for (const span of scopeSpans.flatMap(({ spans }) => spans))
        this.spans.push({
          ...{ name: span.name, traceId: span.traceId, spanId: span.spanId, service },
          parentSpanId: span.parentSpanId || undefined,
          attributes: valuesOf(span.attributes),
          statusCode: span.status?.code ?? 0,
          statusMessage: span.status?.message,
          durationMs: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
        });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

function valuesOf(attributes: Attributes): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)]));
}

function valueOf(value: Value): unknown {
  if (value.arrayValue) return value.arrayValue.values.map(valueOf);
  return value.stringValue ?? (value.intValue === undefined ? (value.doubleValue ?? value.boolValue) : +value.intValue);
}
