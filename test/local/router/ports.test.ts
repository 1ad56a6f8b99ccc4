import { createServer } from 'node:net';
import { expect, test } from '@jest/globals';
import { freePort } from '../../../local/router/ports.ts';

test('a process is given no port twice, before anybody listens on it', async () => {
  // By chance alone four of these pairs would be the same.
  const ports: number[] = [];
  for (let count = 0; count < 320; count += 1) ports.push(await freePort());
  expect(new Set(ports).size).toBe(ports.length);
  const server = createServer().listen(ports[0], '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  await new Promise((resolve) => server.close(resolve));
});
