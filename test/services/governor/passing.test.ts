/** What the proxy does not look at: bodies, whatever they are, and the endpoint's own rate limit. And the one header it reads. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type Backend, type Governor, sha256, startBackend, startGovernor, until } from './fixture.ts';

let backend: Backend;
let governor: Governor;
beforeEach(async () => {
  backend = await startBackend();
});
afterEach(async () => {
  await governor.stop();
  backend.close();
});
const post = (body: string | Buffer<ArrayBuffer>, headers: Record<string, string> = {}) =>
  fetch(`${governor.url}/v1/chat/completions`, { method: 'POST', body, headers });

test.each([
  ['JSON that is none', '{"messages": [', 'application/json'],
  ['nothing', '', 'application/json'],
  ['bytes', randomBytes(4096), 'application/octet-stream'],
  ['a prompt of 20 MiB', randomBytes(10 * 2 ** 20).toString('hex'), 'application/json'],
  ['a form', '--x\r\n\r\n--x--', 'multipart/form-data; boundary=x'],
])('%s passes as it is, there and back', async (_what, body, type) => {
  governor = await startGovernor({ backend });
  let received = '';
  backend.does((request, response, bytes) => {
    received = `${request.headers['content-type']} ${sha256(bytes)}`;
    response.setHeader('content-type', type).end(bytes);
  });
  const answer = await post(body, { 'content-type': type });
  const back = Buffer.from(await answer.arrayBuffer());
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, type]);
  expect([received, sha256(back)]).toEqual([`${type} ${sha256(body)}`, sha256(body)]);
});

test("beside a rate limiter: the endpoint's 429 and its Retry-After pass, and the slot is free", async () => {
  governor = await startGovernor({ backend });
  backend.does((_request, response) => {
    response.writeHead(429, { 'retry-after': '17', 'x-ratelimit-remaining-requests': '0' }).end('slow down');
  });
  for (const _ of [1, 2]) {
    const answer = await post('{}');
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '17']);
    expect(answer.headers.get('x-ratelimit-remaining-requests')).toBe('0');
    expect(await answer.text()).toBe('slow down');
    await until(() => governor.gate.inFlight === 0);
  }
  // It answered: its refusal is no yield of ours.
  expect(governor.gate.counts).toMatchObject({ executed: 2, completed: 2, yielded: 0 });
});

test('X-Governor-Tenant: a tenant that floods leaves room for another', async () => {
  governor = await startGovernor({ backend, max: 4 });
  const ends: (() => void)[] = [];
  backend.does((_request, response) => void ends.push(() => response.end()));
  const flood = Array.from({ length: 8 }, () => post('{}', { 'x-governor-tenant': 'flood' }));
  await until(() => governor.gate.counts.executed + governor.gate.counts.yielded === 8);
  expect(governor.gate.counts).toMatchObject({ executed: 3, yielded: 5 });
  const other = post('{}', { 'x-governor-tenant': 'other' });
  await until(() => ends.length === 4);
  for (const end of ends) end();
  expect((await other).status).toBe(200);
  const statuses = (await Promise.all(flood)).map(({ status }) => status).sort();
  expect(statuses).toEqual([200, 200, 200, 503, 503, 503, 503, 503]);
});
