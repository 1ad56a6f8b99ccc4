/** The health check of every image, as the process that it is. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { execa } from 'execa';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function check(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const program = new URL('../../../stacks/images/inside/health.ts', import.meta.url).pathname;
  return execa(process.execPath, [program], { env: { PORT: String(port) }, extendEnv: false, reject: false });
}

test('a service that lives and is not ready is left alone', async () => {
  const { exitCode } = await check((request, response) =>
    response.writeHead(request.url === '/livez' ? 200 : 503).end('a store is away'),
  );
  expect(exitCode).toBe(0);
});

test('a service that hangs, or says no, is found and its reason written down', async () => {
  expect(await check((_, response) => response.writeHead(500).end('broken'))).toMatchObject({
    exitCode: 1,
    stdout: expect.stringMatching(/\/livez: 500 broken$/),
  });
  expect(await check(() => {})).toMatchObject({
    exitCode: 1,
    stdout: expect.stringMatching(/\/livez: TimeoutError$/),
  });
});
