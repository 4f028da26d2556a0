import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface StoredObject {
  bytes: Buffer;
  etag: string;
  changedAtMs: number;
  /** `x-amz-meta-name`. */
  name?: string | undefined;
}

export interface FakeRequest {
  method: string;
  /** Without the bucket. */
  key: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

export interface Reply {
  status: number;
  headers?: Record<string, string>;
  body?: Buffer | string;
  /** The connection ends where the body does, whatever its length was said to be. */
  cutsAfterBody?: boolean;
}

/** What becomes of a request: what the server says, another reply, or a connection cut without one. */
export type Intercept = (request: FakeRequest, apply: () => Reply) => Promise<Reply | 'cut'> | Reply | 'cut';

export const failure = (status: number, code: string): Reply => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>of the test</Message></Error>`,
});

/**
 * As much of S3 as the store uses, in memory and in this process, for faults and orders of events that a real server
 * does not show when asked. What it takes for S3 is held against real servers by the same suite (`store-contract.ts`).
 */
export class FakeS3 {
  readonly objects = new Map<string, StoredObject>();
  readonly uploads = new Map<string, { key: string; parts: Map<number, Buffer>; startedAtMs: number }>();
  /** `METHOD key`, in the order of arrival. */
  requests: string[] = [];
  intercept: Intercept = (_request, apply) => apply();
  /** Keys a listing gives at once. */
  pageSize = 1_000;
  ignoresConditions = false;
  /** As servers do that encrypt with keys of others. */
  hasRandomEtags = false;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(): Promise<FakeS3> {
    const fake = new FakeS3();
    await once(fake.#server.listen(0, '127.0.0.1'), 'listening');
    return fake;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `s3://bucket/store?endpoint=http://127.0.0.1:${port}&region=us-east-1`;
  }

  readonly environment = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'us-east-1' };

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(incoming.url!, 'http://fake');
    const key = decodeURIComponent(pathname.split('/').slice(2).join('/'));
    const { method = 'GET', headers } = incoming;
    const request = { method, key, query, headers, body: await buffer(incoming) };
    this.requests.push(`${method} ${key}`);
    const reply = await this.intercept(request, () => this.#apply(request));
    if (reply === 'cut') return void incoming.socket.destroy();
    response.writeHead(reply.status, { date: new Date().toUTCString(), ...reply.headers });
    if (reply.cutsAfterBody) return void response.write(reply.body, () => incoming.socket.destroy());
    response.end(method === 'HEAD' ? undefined : reply.body);
  }

  #apply(request: FakeRequest): Reply {
    const { method, query } = request;
    if (query.has('uploads') || query.has('uploadId')) return this.#applyUpload(request);
    if (method === 'PUT') return this.#put(request);
    if (method === 'POST') return this.#delete(request);
    if (query.has('list-type')) return this.#list(query);
    return this.#get(request);
  }

  #put({ key, headers, body }: FakeRequest): Reply {
    const found = this.objects.get(key);
    const wanted = headers['if-match'];
    if (!this.ignoresConditions && wanted !== undefined && !found) return failure(404, 'NoSuchKey');
    const isRefused = (headers['if-none-match'] === '*' && found) || (wanted !== undefined && wanted !== found?.etag);
    if (!this.ignoresConditions && isRefused) return failure(412, 'PreconditionFailed');
    const etag = this.store(key, body);
    this.objects.get(key)!.name = headers['x-amz-meta-name'] as string | undefined;
    return { status: 200, headers: { etag } };
  }

  /** Puts an object there; returns its etag. */
  store(key: string, bytes: Buffer, changedAtMs = Date.now()): string {
    const name = this.hasRandomEtags ? randomUUID() : createHash('md5').update(bytes).digest('hex');
    this.objects.set(key, { bytes, etag: `"${name}"`, changedAtMs: Math.floor(changedAtMs / 1000) * 1000 });
    return `"${name}"`;
  }

  #get({ key, headers: asked }: FakeRequest): Reply {
    const found = this.objects.get(key);
    if (!found) return failure(404, 'NoSuchKey');
    const from = Number(/^bytes=(\d+)-$/.exec(asked.range ?? '')?.[1] ?? 0);
    const body = found.bytes.subarray(from);
    const lastModified = new Date(found.changedAtMs).toUTCString();
    const headers = { etag: found.etag, 'last-modified': lastModified, 'content-length': body.length.toString() };
    return {
      status: from > 0 ? 206 : 200,
      headers: { ...headers, ...(found.name !== undefined && { 'x-amz-meta-name': found.name }) },
      body,
    };
  }

  #delete({ body }: FakeRequest): Reply {
    for (const [, key] of body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)) this.objects.delete(key!);
    return xml('<DeleteResult></DeleteResult>');
  }

  #list(query: URLSearchParams): Reply {
    const prefix = query.get('prefix') ?? '';
    const after = query.get('continuation-token') ?? query.get('start-after') ?? '';
    const delimiter = query.get('delimiter');
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    const entries = [...new Set(keys.map((key) => entryOf(key, prefix, delimiter)))].filter((entry) => entry > after);
    const page = entries.slice(0, this.pageSize);
    const rows = page.map((entry) => {
      const found = this.objects.get(entry);
      if (!found) return `<CommonPrefixes><Prefix>${entry}</Prefix></CommonPrefixes>`;
      const changed = new Date(found.changedAtMs).toISOString();
      const size = found.bytes.length.toString();
      return `<Contents><Key>${entry}</Key><LastModified>${changed}</LastModified><Size>${size}</Size></Contents>`;
    });
    const isCut = entries.length > page.length;
    const next = isCut ? `<NextContinuationToken>${page.at(-1)!}</NextContinuationToken>` : '';
    const told = `<IsTruncated>${isCut.toString()}</IsTruncated>${next}`;
    return xml(`<ListBucketResult>${told}${rows.join('')}</ListBucketResult>`);
  }

  #applyUpload({ method, key, query, body }: FakeRequest): Reply {
    const id = query.get('uploadId') ?? '';
    const upload = this.uploads.get(id);
    if (method === 'GET') {
      const rows = [...this.uploads].map(([uploadId, { key: of, startedAtMs }]) => {
        const since = new Date(startedAtMs).toISOString();
        return `<Upload><Key>${of}</Key><UploadId>${uploadId}</UploadId><Initiated>${since}</Initiated></Upload>`;
      });
      return xml(`<ListMultipartUploadsResult>${rows.join('')}</ListMultipartUploadsResult>`);
    }
    if (method === 'POST' && query.has('uploads')) {
      const uploadId = randomUUID();
      this.uploads.set(uploadId, { key, parts: new Map(), startedAtMs: Date.now() });
      return xml(`<InitiateMultipartUploadResult><UploadId>${uploadId}</UploadId></InitiateMultipartUploadResult>`);
    }
    if (!upload) return failure(404, 'NoSuchUpload');
    if (method === 'PUT') {
      upload.parts.set(Number(query.get('partNumber')), body);
      return { status: 200, headers: { etag: `"${createHash('md5').update(body).digest('hex')}"` } };
    }
    this.uploads.delete(id);
    if (method === 'DELETE') return { status: 204 };
    const parts = [...upload.parts].sort(([a], [b]) => a - b).map(([, bytes]) => bytes);
    const etag = this.store(key, Buffer.concat(parts));
    return xml(`<CompleteMultipartUploadResult><ETag>${etag}</ETag></CompleteMultipartUploadResult>`);
  }
}

const xml = (text: string): Reply => ({ status: 200, headers: { 'content-type': 'application/xml' }, body: text });

/** A key, or the folder in which a listing with a delimiter shows it. */
function entryOf(key: string, prefix: string, delimiter: string | null): string {
  const end = delimiter === null ? -1 : key.indexOf(delimiter, prefix.length);
  return end < 0 ? key : key.slice(0, end + 1);
}
