/** A governor in this process, an endpoint behind it that does what a test says, and a client of the line protocol. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { createInterface } from 'node:readline';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach } from '@jest/globals';
import type { Redis } from 'ioredis';
import { createGovernor } from '../../../services/governor/app.ts';
import type { Limits } from '../../../services/governor/protocol/connection.ts';
import { createLogger } from '../../../services/shared/log.ts';

export type Behaviour = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void | Promise<void>;

export async function startBackend() {
  let behave: Behaviour = (_request, response, body) => void response.end(body);
  const seen = { inside: 0, most: 0, requests: 0, aborted: 0 };
  const server = createServer(async (request, response) => {
    seen.requests += 1;
    seen.inside += 1;
    seen.most = Math.max(seen.most, seen.inside);
    response.once('close', () => {
      seen.inside -= 1;
      if (!response.writableFinished) seen.aborted += 1;
    });
    await behave(request, response, await buffer(request).catch(() => Buffer.alloc(0)));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/chat/completions`,
    seen,
    does: (next: Behaviour) => {
      behave = next;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
export type Backend = Awaited<ReturnType<typeof startBackend>>;

export interface GovernorGiven {
  readonly backend: Pick<Backend, 'url'>;
  readonly max?: number;
  readonly token?: string;
  readonly redis?: Redis | null;
  readonly limits?: Partial<Limits>;
  readonly jobTimeoutMs?: number;
}

export async function startGovernor({
  backend,
  max = 1,
  token = '',
  redis = null,
  limits,
  jobTimeoutMs = 30_000,
}: GovernorGiven) {
  const governor = await createGovernor({
    settings: {
      GOVERNOR_BACKEND_URL: backend.url,
      GOVERNOR_MAX_IN_FLIGHT: max,
      GOVERNOR_TOKEN: token,
      GOVERNOR_JOB_TIMEOUT_MS: jobTimeoutMs,
      ENVIRONMENT: 'local',
      REPLICA: '',
      VERSION: '',
    },
    redis,
    log: createLogger('test', { level: process.env.TEST_LOG ?? 'silent' }),
    limits,
  });
  await governor.app.http.listen({ host: '127.0.0.1', port: 0 });
  const { port } = governor.app.http.server.address() as AddressInfo;
  return {
    ...governor,
    port,
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      governor.app.drain();
      await governor.app.http.close();
      await governor.close();
    },
  };
}
export type Governor = Awaited<ReturnType<typeof startGovernor>>;

// biome-ignore lint/suspicious/noExplicitAny: any frame
export type Reply = any;

export const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex');

export interface LineClient {
  readonly socket: ReturnType<typeof connect>;
  send(frame: object | string): void;
  /** The next frame; null: the connection has ended. */
  next(): Promise<Reply | null>;
  ask(frame: object | string): Promise<Reply | null>;
  close(): void;
}

export async function openLines(port: number): Promise<LineClient> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.on('error', () => {});
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const send = (frame: object | string) => {
    socket.write(`${typeof frame === 'string' ? frame : JSON.stringify(frame)}\n`);
  };
  const next = async () => {
    const { value, done } = await lines.next();
    return done ? null : JSON.parse(value);
  };
  return {
    socket,
    send,
    next,
    ask: (frame) => {
      send(frame);
      return next();
    },
    close: () => socket.destroy(),
  };
}

/** The frames of heptamini's client, in its order and with its fields. */
export function framesOf(
  job: string,
  payload: string | Buffer,
  { chunkBytes = 8192, ...manifest }: { readonly chunkBytes?: number; readonly output?: string } = {},
) {
  const bytes = Buffer.from(payload);
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) parts.push(bytes.subarray(at, at + chunkBytes));
  if (parts.length === 0) parts.push(Buffer.alloc(0));
  const share = { v: 0, verb: 'share', job, ttl_ms: 0 };
  return {
    manifest: {
      ...share,
      seq: 1,
      payload_manifest: {
        payload_id: 'P_1',
        content_type: 'application/octet-stream',
        content_encoding: 'identity',
        cipher: 'none',
        total_bytes: bytes.length,
        chunk_bytes: chunkBytes,
        chunks: parts.length,
        sha256: sha256(bytes),
        ...manifest,
      },
    },
    chunks: parts.map((part, index) => ({
      ...share,
      seq: index + 2,
      payload_chunk: {
        payload_id: 'P_1',
        index,
        offset: index * chunkBytes,
        sha256: sha256(part),
        bytes_b64: part.toString('base64'),
      },
    })),
  };
}

/** Sends the whole of a job that is admitted; the answer to its last chunk. */
export async function submit(
  client: LineClient,
  job: string,
  payload: string | Buffer,
  more: Parameters<typeof framesOf>[2] = {},
) {
  const { manifest, chunks } = framesOf(job, payload, more);
  const first = await client.ask(manifest);
  if (first?.status !== 'ok') return first;
  for (const chunk of chunks.slice(0, -1)) {
    const reply = await client.ask(chunk);
    if (reply?.status !== 'ok') return reply;
  }
  return client.ask(chunks.at(-1) as object);
}

export const receipts = (frame: Reply): Record<string, number> =>
  Object.fromEntries(
    frame.receipts.map(({ kind, value_u64 }: { kind: string; value_u64: number }) => [kind, value_u64]),
  );

export async function until(condition: () => boolean | Promise<boolean>, ms = 60_000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('it did not come to be');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** For each test of a file an endpoint, and a governor before it once the test starts one; all of it closed after the test. */
export function governorOfEachTest() {
  let backend: Backend;
  let governor: Governor | undefined;
  const clients: LineClient[] = [];
  beforeEach(async () => {
    backend = await startBackend();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await governor?.stop();
    governor = undefined;
    backend.close();
  });
  return {
    get backend() {
      return backend;
    },
    /** The one that was started last. */
    get governor() {
      return governor;
    },
    start: async (given: Partial<GovernorGiven> = {}) => {
      governor = await startGovernor({ backend, ...given });
      return governor;
    },
    open: async () => {
      const client = await openLines((governor as Governor).port);
      clients.push(client);
      return client;
    },
  };
}
