import { once } from 'node:events';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { openRouter, type Router, type RouterOptions } from '../../../local/router/router.ts';
import { createApp } from '../../../services/shared/http/http.ts';

const servers: Server[] = [];
let router: Router | undefined;

afterEach(async () => {
  await router?.close();
  router = undefined;
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function tier(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A router before one tier; returns its address. */
async function before(...ports: number[]): Promise<string> {
  return routed({}, ...ports);
}

async function routed(options: Partial<RouterOptions>, ...ports: number[]): Promise<string> {
  const replicas = ports.map((port) => ({ port, ready: true, outstanding: 0 }));
  router = await openRouter({ port: 0, replicas: () => replicas, ...options });
  return `http://127.0.0.1:${router.port}`;
}

test('headers: who asked is set here, not believed; what means one connection is not passed on', async () => {
  const url = await before(await tier((request, response) => response.end(JSON.stringify(request.headers))));
  const response = await fetch(`${url}/v1/x`, {
    headers: { 'x-forwarded-for': '10.0.0.1', 'x-forwarded-host': 'evil.example', 'x-mine': '1', te: 'trailers' },
  });
  const headers = (await response.json()) as Record<string, string>;
  expect(headers).toMatchObject({
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-host': new URL(url).host,
    'x-forwarded-proto': 'http',
    'x-mine': '1',
    host: new URL(url).host,
  });
  expect(headers.te).toBeUndefined();
});

test('behind a proxy that adds https browsers are told to stay with it, whatever a client claims', async () => {
  const { http } = createApp({ log: pino({ level: 'silent' }), notReady: async () => null });
  http.get('/', async () => 'a page');
  await http.listen({ host: '127.0.0.1', port: 0 });
  const { port } = http.server.address() as AddressInfo;
  const told = async (publicUrl: string, claimed: string) => {
    const url = await routed({ publicUrl, owner: () => 'web' }, port);
    const { headers } = await fetch(url, { headers: { 'x-forwarded-proto': claimed } });
    await router?.close();
    return headers.get('strict-transport-security');
  };
  expect(await told('https://bulkhead.example', 'https')).toBe('max-age=31536000');
  expect(await told('https://bulkhead.example', 'http')).toBe('max-age=31536000');
  expect(await told('http://localhost:8080', 'https')).toBeNull();
  await http.close();
});

test('method, path, query, status, body and repeated cookies arrive as they were sent', async () => {
  const port = await tier((request, response) => {
    response.writeHead(207, { 'set-cookie': ['a=1', 'b=2'] });
    response.end(`${request.method} ${request.url}`);
  });
  const response = await fetch(`${await before(port)}/v1/a%20b?c=%2F&d`, { method: 'PATCH', body: 'x' });
  expect(response.status).toBe(207);
  expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  expect(await response.text()).toBe('PATCH /v1/a%20b?c=%2F&d');
});

test('an event stream comes through event by event, its head before the first', async () => {
  const gate = Promise.withResolvers<void>();
  const port = await tier(async (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    await gate.promise;
    response.write('data: 1\n\n');
  });
  const response = await fetch(`${await before(port)}/v1/events`);
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  gate.resolve();
  const reader = response.body?.getReader();
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('data: 1\n\n');
  await reader?.cancel();
});

test.each(['before', 'after'])(
  'a reader who leaves %s the answer begins ends the request at the tier',
  async (when) => {
    const arrived = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    const port = await tier((_, response) => {
      response.once('close', () => left.resolve());
      if (when === 'after') response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
      arrived.resolve();
    });
    const abort = new AbortController();
    const asked = fetch(`${await before(port)}/v1/events`, { signal: abort.signal });
    await arrived.promise;
    if (when === 'after') await asked;
    else asked.catch(() => {});
    abort.abort();
    await left.promise;
  },
);

test('an upload streams: the tier has its beginning before its end is sent, and no size is too large', async () => {
  const first = Promise.withResolvers<void>();
  let bytes = 0;
  const port = await tier((request, response) => {
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      first.resolve();
    });
    request.on('end', () => response.end(String(bytes)));
  });
  const upload = httpRequest(`${await before(port)}/v1/brains`, { method: 'POST' });
  upload.write('begin');
  await first.promise;
  expect(bytes).toBe(5);
  const mebibyte = Buffer.alloc(1024 * 1024);
  for (let sent = 0; sent < 200; sent++) if (!upload.write(mebibyte)) await once(upload, 'drain');
  upload.end();
  const [answer] = (await once(upload, 'response')) as [IncomingMessage];
  expect(Number(Buffer.concat(await answer.toArray()).toString())).toBe(5 + 200 * 1024 * 1024);
});

test('a tier that refuses an upload early is heard, though the rest is still being sent', async () => {
  const port = await tier((_, response) => response.writeHead(413, { connection: 'close' }).end('too large'));
  const upload = httpRequest(`${await before(port)}/v1/brains`, { method: 'POST' });
  upload.on('error', () => {});
  upload.write(Buffer.alloc(64 * 1024));
  const [answer] = (await once(upload, 'response')) as [IncomingMessage];
  expect(answer.statusCode).toBe(413);
  expect(Buffer.concat(await answer.toArray()).toString()).toBe('too large');
  upload.destroy();
});

test('requests go to the replica with the fewest under way', async () => {
  const replica = (mark: string) =>
    tier((request, response) => {
      if (request.url !== '/v1/hold') response.end(mark);
    });
  const url = await before(await replica('one'), await replica('two'));
  const abort = new AbortController();
  const held = fetch(`${url}/v1/hold`, { signal: abort.signal }).catch(() => {});
  const seen = new Set<string>();
  while (!seen.has('two')) seen.add(await (await fetch(`${url}/v1/x`)).text());
  const next = await Promise.all([1, 2, 3].map(async () => (await fetch(`${url}/v1/x`)).text()));
  expect(next).toContain('two');
  abort.abort();
  await held;
});

test('no replica: 503; one that cannot be reached: 502; both say which tier', async () => {
  const none = await before();
  const down = await fetch(`${none}/v1/x`);
  expect([down.status, await down.json()]).toEqual([
    503,
    {
      type: 'about:blank',
      title: 'Service unavailable',
      status: 503,
      code: 'tier-down',
      detail: 'the api tier is not running at the moment',
    },
  ]);
  await router?.close();
  const gone = await tier(() => {});
  servers.pop()?.close();
  const unreachable = await fetch(`${await before(gone)}/v1/x`);
  expect(unreachable.status).toBe(502);
  expect(await unreachable.json()).toMatchObject({ detail: 'the api tier did not answer (ECONNREFUSED)' });
});

test('a tier that dies in the middle of an answer ends it, rather than leaving half of one looking whole', async () => {
  const port = await tier((_, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('half', () => response.destroy());
  });
  const response = await fetch(`${await before(port)}/v1/x`);
  await expect(response.text()).rejects.toThrow();
});
