import { connect, type ClientHttp2Stream } from 'node:http2';
import protobuf from 'protobufjs/minimal.js';
import { HOME } from '../../workflows/contract/home.ts';
import { isServing, readState } from './daemon.ts';

/**
 * One query of a workflow on the embedded server without Temporal's client, which takes longer to load than a status may
 * take in all. It speaks one call of the API, plainly: whatever is out of the ordinary is for the client.
 */
const CALL = '/temporal.api.workflowservice.v1.WorkflowService/QueryWorkflow';
/** A worker that is there answers in milliseconds. */
const PATIENCE_MS = 1_000;
const NOT_OPEN = 2;

/** The answer of an open workflow; undefined: there was none, for whatever reason. Starts nothing; safe to call twice. */
export async function quickLook(home: string, workflowId: string, query: string): Promise<unknown> {
  const server = readState(home, HOME.serverFile);
  if (!isServing(server) || !server.address) return undefined;
  try {
    const answer = await call(server.address, requestOf(workflowId, query));
    const data = dataOf(answer);
    return data === undefined ? undefined : (JSON.parse(Buffer.from(data).toString()) as unknown);
  } catch {
    return undefined;
  }
}

function requestOf(workflowId: string, query: string): Uint8Array {
  const request = protobuf.Writer.create();
  request.uint32(10).string('default'); // namespace
  request.uint32(18).fork().uint32(10).string(workflowId).ldelim(); // execution
  request.uint32(26).fork().uint32(10).string(query).ldelim(); // query
  return request.uint32(32).int32(NOT_OPEN).finish(); // query_reject_condition
}

/** Of the first payload of `query_result`. */
function dataOf(message: Uint8Array): Uint8Array | undefined {
  let bytes: Uint8Array | undefined = message;
  for (const field of [1, 1, 2]) bytes = bytes && fieldOf(bytes, field);
  return bytes;
}

function fieldOf(message: Uint8Array, wanted: number): Uint8Array | undefined {
  const reader = protobuf.Reader.create(message);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === wanted * 8 + 2) return reader.bytes();
    reader.skipType(tag & 7);
  }
  return undefined;
}

/** A unary gRPC call; rejects unless it ends well. */
async function call(address: string, message: Uint8Array): Promise<Uint8Array> {
  const session = connect(`http://${address}`);
  const failed = new Promise<never>((_, reject) => session.once('error', reject));
  const timer = setTimeout(() => session.destroy(new Error('no answer')), PATIENCE_MS);
  try {
    const headers = { ':method': 'POST', ':path': CALL, 'content-type': 'application/grpc', te: 'trailers' };
    const stream = session.request(headers);
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([prefix, message]));
    return await Promise.race([failed, answerOf(stream)]);
  } finally {
    clearTimeout(timer);
    session.destroy();
  }
}

async function answerOf(stream: ClientHttp2Stream): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let status: unknown;
  stream.on('response', (headers) => (status = headers['grpc-status']));
  stream.on('trailers', (headers) => (status = headers['grpc-status']));
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const whole = Buffer.concat(chunks);
  const isPlain = whole[0] === 0 && whole.length === 5 + whole.readUInt32BE(1);
  if (Number(status) !== 0 || !isPlain) throw new Error(`grpc-status ${String(status)}`);
  return whole.subarray(5);
}
