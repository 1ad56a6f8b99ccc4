/**
 * A provider's parser for tests and benches: speaks docling-serve's and Unstructured's API, keeps to its account's limits
 * as strictly as a provider (any 60 s, sliding), counts what it would bill, and fails in every way that one can.
 */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Asked, formats, readPart } from './formats.ts';

export interface ReferenceParserOptions {
  /** Limits of the account. @default none */
  readonly requestsPerMinute?: number;
  readonly pagesPerMinute?: number;
  /** Length of the minute: a bench plays an hour in seconds. @default 60000 */
  readonly minuteMs?: number;
  /** Work on one page. @default 0 */
  readonly pageMs?: number;
  /** Largest body. @default 50 MB */
  readonly bytesMax?: number;
  /** @default none is wanted */
  readonly apiKey?: string;
}

/** What becomes of one request. A number: that status. */
export type Behaviour = 'answer' | 'hang' | 'truncate' | 'no-json' | 'break' | { readonly lateMs: number } | number;

export interface ReferenceCall {
  readonly format: keyof typeof formats;
  readonly idempotencyKey: string;
  readonly pages: number;
  /** Of each page. */
  readonly texts: readonly string[];
  readonly asked: Asked;
  readonly atMs: number;
}

export interface ReferenceParser {
  readonly url: string;
  /** Calls that were taken, in their order: what a provider bills, whatever became of them. */
  readonly calls: readonly ReferenceCall[];
  readonly pages: number;
  /** Requests above a limit. */
  readonly throttled: number;
  /** What becomes of the next requests, one each; then they are answered again. */
  next(...behaviours: Behaviour[]): void;
  /** What becomes of every request; null: as {@link next} says. */
  behave(decide: ((call: ReferenceCall) => Behaviour) | null): void;
  /** Ends those that hang. */
  letGo(): void;
  /** Above the limit by another user of the account: takes its pages now. */
  use(amounts: { requests?: number; pages?: number }): void;
  close(): Promise<void>;
}

export async function startReferenceParser(options: ReferenceParserOptions = {}): Promise<ReferenceParser> {
  const { minuteMs = 60_000, pageMs = 0, bytesMax = 50_000_000, apiKey } = options;
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-reference-parser-'));
  const calls: ReferenceCall[] = [];
  const queue: Behaviour[] = [];
  let decide: ((call: ReferenceCall) => Behaviour) | null = null;
  let throttled = 0;
  let parts = 0;
  const account = createAccount(options, minuteMs);
  const hanging = new Set<() => void>();

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const say = (status: number, body: unknown, headers: Record<string, string> = {}) =>
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
    const name = Object.keys(formats).find((one) => formats[one as keyof typeof formats].path === request.url);
    if (!name || request.method !== 'POST') return say(404, { detail: 'Not Found' });
    const format = formats[name as keyof typeof formats];
    if (apiKey && request.headers[format.keyHeader] !== apiKey) return say(401, { detail: 'API key is invalid' });
    if (Number(request.headers['content-length'] ?? 0) > bytesMax) return say(413, { detail: 'Request too large' });
    const body = await buffer(request);
    if (body.length > bytesMax) return say(413, { detail: 'Request too large' });
    const form = await new Response(new Uint8Array(body), {
      headers: { 'content-type': request.headers['content-type'] ?? '' },
    }).formData();
    const file = form.get('files');
    if (!file || typeof file === 'string') return say(422, { detail: "field 'files' is required" });
    parts += 1;
    const path = join(folder, `${parts}.pdf`);
    await writeFile(path, Buffer.from(await file.arrayBuffer()));
    const pages = await readPart(path).finally(() => rm(path, { force: true }));
    const asked = format.askedOf(form);
    const call: ReferenceCall = {
      format: name as keyof typeof formats,
      idempotencyKey: String(request.headers['idempotency-key'] ?? ''),
      pages: pages.length,
      texts: pages.map(({ text }) => text),
      asked,
      atMs: Date.now(),
    };
    const behaviour = decide?.(call) ?? queue.shift() ?? 'answer';
    // Its own refusal, or one that it was told.
    const waitMs = behaviour === 429 ? 1000 : account.take(pages.length);
    if (waitMs > 0) {
      throttled += 1;
      return say(429, { detail: 'Rate limit exceeded' }, { 'retry-after': String(Math.ceil(waitMs / 1000)) });
    }
    calls.push(call);
    if (pageMs > 0) await sleep(pageMs * pages.length);
    if (typeof behaviour === 'number') return say(behaviour, { detail: `told to answer ${behaviour}` });
    if (behaviour === 'break') return request.socket.destroy();
    if (behaviour === 'hang') await new Promise<void>((resolve) => hanging.add(resolve));
    if (typeof behaviour === 'object') await sleep(behaviour.lateMs);
    const text = behaviour === 'no-json' ? '<html>' : JSON.stringify(format.answer(pages, asked));
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
    if (behaviour !== 'truncate') return response.end(text);
    response.write(text.slice(0, text.length / 2), () => request.socket.destroy());
  };

  const server = createServer((request, response) => {
    answer(request, response).catch((error: Error) => {
      if (!response.headersSent) response.writeHead(500).end(JSON.stringify({ detail: error.message }));
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const letGo = () => {
    for (const resolve of hanging) resolve();
    hanging.clear();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    get pages() {
      return calls.reduce((sum, call) => sum + call.pages, 0);
    },
    get throttled() {
      return throttled;
    },
    next: (...behaviours) => {
      queue.push(...behaviours);
    },
    behave: (how) => {
      decide = how;
    },
    letGo,
    use: ({ requests = 1, pages = 0 }) => account.use(requests, pages),
    close: async () => {
      letGo();
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What was taken within the last minute, exactly. */
function createAccount({ requestsPerMinute, pagesPerMinute }: ReferenceParserOptions, minuteMs: number) {
  const taken: { atMs: number; requests: number; pages: number }[] = [];
  const use = (requests: number, pages: number) => taken.push({ atMs: Date.now(), requests, pages });
  return {
    use,
    /** Milliseconds until there is room; 0: it is taken. */
    take: (pages: number): number => {
      const now = Date.now();
      while (taken[0] && taken[0].atMs <= now - minuteMs) taken.shift();
      const sum = (of: 'requests' | 'pages') => taken.reduce((all, one) => all + one[of], 0);
      const fits =
        sum('requests') + 1 <= (requestsPerMinute ?? Number.POSITIVE_INFINITY) &&
        sum('pages') + pages <= (pagesPerMinute ?? Number.POSITIVE_INFINITY);
      if (!fits) return Math.max(1, (taken[0]?.atMs ?? now) + minuteMs - now);
      use(1, pages);
      return 0;
    },
  };
}
