import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { z } from 'zod';
import type { Identity } from '../../../../services/shared/auth/identity.ts';
import type { Route } from '../../../../services/shared/contract/routes.ts';
import type { Dependency } from '../../../../services/shared/http/health.ts';
import { type App, createApp, fastifyPath, serve } from '../../../../services/shared/http/http.ts';
import { ProblemError } from '../../../../services/shared/http/problem.ts';
import { UnavailableError } from '../../../../services/shared/http/unavailable.ts';
import { createLogger } from '../../../../services/shared/log.ts';
import { selfRequest } from '../../../../services/shared/warm-up/self-request.ts';

const viewer: Identity = { tenantId: 't', personId: 'p', keyId: null, role: 'viewer', scopes: null, operator: false };
const route = {
  owner: 'api',
  method: 'POST',
  path: '/v1/things/{thing}:wake',
  summary: 'Wakes',
  access: { role: 'viewer', scope: 'chat' },
  params: z.object({ thing: z.uuid() }),
  query: z.object({ times: z.coerce.number().int().max(3).default(1) }),
  body: z.strictObject({ how: z.enum(['softly', 'loudly']) }),
  responses: { 202: z.object({ woken: z.string(), times: z.int() }) },
} as const satisfies Route;
const url = '/v1/things/0198c7a0-0000-7000-8000-000000000000:wake';

let app: App;
let notReady: string | null;
beforeEach(() => {
  notReady = null;
  app = createApp({
    log: createLogger('test', { level: 'silent' }),
    notReady: async () => notReady,
    authenticate: async (request) => (request.headers.authorization ? viewer : null),
  });
});
afterEach(() => app.http.close());

const post = (payload: object, path = url) =>
  app.http.inject({ method: 'POST', url: path, payload, headers: { authorization: 'yes' } });

describe('a route of the contract', () => {
  beforeEach(() =>
    serve(app, route, async ({ params, query, body, identity }) => {
      if (body.how === 'loudly')
        throw new ProblemError('conflict', `${identity.role}s wake softly.`, { retryAfterS: 7 });
      return { woken: params.thing, times: query.times, secret: 'not in the schema' };
    }),
  );

  test('answers with its first status, and with nothing that its schema does not name', async () => {
    const answer = await post({ how: 'softly' }, `${url}?times=2`);
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toEqual({ woken: '0198c7a0-0000-7000-8000-000000000000', times: 2 });
  });

  test('names every fault of a request', async () => {
    const answer = await post({ how: 'never', extra: 1 });
    expect(answer.statusCode).toBe(400);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.json().errors.map(({ path }: { path: string }) => path)).toContain('body/how');
  });

  test('turns a problem into its answer', async () => {
    const answer = await post({ how: 'loudly' });
    expect([answer.statusCode, answer.headers['retry-after'], answer.json().detail]).toEqual([
      409,
      '7',
      'viewers wake softly.',
    ]);
  });

  test('is closed without credentials', async () => {
    const answer = await app.http.inject({ method: 'POST', url, payload: { how: 'softly' } });
    expect([answer.statusCode, answer.json().code]).toEqual([401, 'unauthorized']);
  });
});

test('an unknown error tells nobody its text', async () => {
  serve(app, route, async () => {
    throw new Error('password=hunter2');
  });
  const answer = await post({ how: 'softly' });
  expect(answer.statusCode).toBe(500);
  expect(answer.body).not.toContain('hunter2');
  expect(answer.json().detail).toMatch(/^Reference [0-9a-f-]{36}\.$/);
});

test('an unknown path says so', async () => {
  const answer = await app.http.inject('/v1/nowhere?token=secret');
  expect([answer.statusCode, answer.json().detail]).toEqual([404, 'There is no GET /v1/nowhere.']);
});

test('a log tells the path alone: a query may be a code to sign in by, or what somebody looks for', async () => {
  const lines: string[] = [];
  const logged = createApp({
    log: pino({ level: 'info' }, { write: (line: string) => lines.push(line) }),
    notReady: async () => null,
  });
  logged.http.get('/v1/found', async () => 'yes');
  logged.http.get('/v1/broken', async () => {
    throw new Error('no luck');
  });
  for (const path of ['/v1/found', '/v1/broken', '/v1/nowhere']) await logged.http.inject(`${path}?code=secret`);
  await logged.http.close();
  expect(lines.join('')).not.toContain('secret');
  expect(lines.map((line) => [JSON.parse(line).url, JSON.parse(line).msg])).toEqual([
    ['/v1/found', 'answered'],
    ['/v1/broken', 'failed'],
    ['/v1/broken', 'answered'],
    ['/v1/nowhere', 'answered'],
  ]);
});

test('a body above 1 MiB is refused', async () => {
  serve(app, route, async () => ({ woken: '', times: 1 }));
  expect((await post({ how: 'x'.repeat(1024 * 1024) })).json().code).toBe('too-large');
});

test('not ready with the reason, ready, draining; alive all the time', async () => {
  notReady = 'the schema is old';
  expect((await app.http.inject('/readyz')).json()).toEqual({ status: 'not ready', reason: 'the schema is old' });
  notReady = null;
  expect((await app.http.inject('/readyz')).statusCode).toBe(200);
  app.drain();
  expect(app.stopping.aborted).toBe(true);
  expect((await app.http.inject('/readyz')).json().reason).toBe('draining');
  expect((await app.http.inject('/livez')).statusCode).toBe(200);
});

test('a store that is away keeps it from being ready at first; later it is degraded, and that is told', async () => {
  let away = true;
  const check = async () => {
    if (away) throw new Error('connect ECONNREFUSED');
  };
  const dependent = createApp({
    log: createLogger('test', { level: 'silent' }),
    notReady: async () => null,
    dependencies: [
      { name: 'postgres', check },
      { name: 'redis', check: () => Promise.reject(new Error('gone')), without: 'no limits' },
    ],
  });
  serve(dependent, { ...route, access: 'public' }, async () => {
    throw new UnavailableError('postgres', 'connect ECONNREFUSED 10.0.0.7');
  });
  await dependent.http.ready();
  const ready = async () => {
    const answer = await dependent.http.inject('/readyz');
    return [answer.statusCode, answer.json().status, (answer.json().away ?? []).map(({ name }: Dependency) => name)];
  };
  const metric = async () => (await dependent.http.inject('/metrics')).body.match(/dependency_up\{.*\d/g);
  expect(await ready()).toEqual([503, 'not ready', []]);
  expect(await metric()).toEqual(['dependency_up{dependency="postgres"} 0', 'dependency_up{dependency="redis"} 0']);
  away = false;
  expect(await ready()).toEqual([200, 'degraded', ['redis']]);
  away = true;
  for (const end = Date.now() + 20_000; Date.now() < end && (await ready())[2].length < 2; )
    await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await ready()).toEqual([200, 'degraded', ['redis', 'postgres']]);

  const refused = await dependent.http.inject({ method: 'POST', url, payload: { how: 'softly' } });
  expect([refused.statusCode, refused.headers['retry-after'], refused.json().code, refused.json().detail]).toEqual([
    503,
    '5',
    'store-unavailable',
    'The database does not answer at the moment. Try again in 5 s.',
  ]);
  await dependent.http.close();
});

test.each([
  ['that works', async (at: App) => selfRequest(at, { path: '/livez' })],
  [
    'that fails',
    async () => {
      throw new Error('no luck');
    },
  ],
])('a way %s is walked once before it is ready, and only when nothing else is missing', async (_what, way) => {
  let walked = 0;
  notReady = 'the schema is old';
  const { promise: looked, resolve: goOn } = Promise.withResolvers<void>();
  app.warmUp(async () => {
    walked += 1;
    await looked;
    return way(app);
  });
  await app.http.listen({ port: 0, host: '127.0.0.1' });
  const reason = async () => (await app.http.inject('/readyz')).json().reason;
  expect([await reason(), walked]).toEqual(['the schema is old', 0]);
  notReady = null;
  expect([await reason(), await reason(), walked]).toEqual(['warming up', 'warming up', 1]);
  goOn();
  while ((await app.http.inject('/readyz')).statusCode !== 200) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(walked).toBe(1);
});

test('metrics tell durations by route, not by id', async () => {
  serve(app, route, async () => ({ woken: '', times: 1 }));
  await post({ how: 'softly' });
  const { body } = await app.http.inject('/metrics');
  expect(body).toContain('http_request_duration_seconds_count{method="POST",route="/v1/things/:thing([^:/]+)::wake"');
  expect(body).not.toContain('0198c7a0');
});

test('paths of the contract as the router writes them', () => {
  expect(fastifyPath('/v1/jobs/{job}:cancel')).toBe('/v1/jobs/:job([^:/]+)::cancel');
});
