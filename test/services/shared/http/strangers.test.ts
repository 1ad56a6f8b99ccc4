/** Of whom nobody knows who they are no body is read that they could fill the memory with. */
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { Route } from '../../../../services/shared/contract/routes.ts';
import { type App, createApp, serve } from '../../../../services/shared/http/http.ts';
import { createLogger } from '../../../../services/shared/log.ts';

const guarded = {
  owner: 'api',
  method: 'POST',
  path: '/v1/things',
  summary: 'Makes',
  access: { role: 'viewer', scope: 'chat' },
  body: z.strictObject({ text: z.string() }),
  responses: { 200: z.object({ characters: z.int() }) },
} as const satisfies Route;
const open = { ...guarded, path: '/v1/open', access: 'public' } as const satisfies Route;

let app: App;
let port: number;
beforeEach(async () => {
  app = createApp({
    log: createLogger('test', { level: 'silent' }),
    notReady: async () => null,
    authenticate: async ({ headers }) =>
      headers.authorization
        ? { tenantId: 't', personId: 'p', keyId: null, role: 'viewer', scopes: null, operator: false }
        : null,
  });
  serve(app, guarded, async ({ body }) => ({ characters: body.text.length }));
  serve(app, open, async ({ body }) => ({ characters: body.text.length }));
  await app.http.listen({ host: '127.0.0.1', port: 0 });
  port = (app.http.server.address() as AddressInfo).port;
});
afterEach(() => app.http.close());

/** The status that a head alone gets, of whose body nothing ever comes. */
async function headOf(path: string, length: number): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  socket.write(
    `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`,
  );
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return Number(/^HTTP\/1.1 (\d+)/.exec(answer.toString())?.[1]);
}

test.each([
  ['without credentials', guarded.path, 1024 * 1024, 401],
  ['on a path that nobody serves', '/v1/nowhere', 1024 * 1024, 404],
  ['too large for a public route', open.path, 16 * 1024 + 1, 413],
])('a body %s is not waited for', async (_which, path, length, status) => {
  expect(await headOf(path, length)).toBe(status);
});

test('what is small passes on a public route, and up to 1 MiB of who is known', async () => {
  const post = async (path: string, characters: number, headers: Record<string, string> = {}) => {
    const payload = { text: 'x'.repeat(characters) };
    return (await app.http.inject({ method: 'POST', url: path, payload, headers })).json();
  };
  expect(await post(open.path, 16_000)).toEqual({ characters: 16_000 });
  expect(await post(guarded.path, 1_000_000, { authorization: 'yes' })).toEqual({ characters: 1_000_000 });
});
