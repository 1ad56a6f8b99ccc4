/** What callers keep open is bounded: of one, and of one tenant; counted back when their sockets die. */
import { once } from 'node:events';
import { type ClientRequest, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Caller, type Harness, startHarness, upload } from '../harness.ts';

const limits = { callerMax: 3, tenantMax: 5, replicaMax: 50 };
const eventStreams = { ...limits, stallMs: 3000, streamMs: 20_000 };
interface Asking {
  readonly secret: string;
  readonly job: string;
}

let harness: Harness;
let base: string;
let first: Asking;
let colleague: Asking;
let stranger: Asking;
beforeAll(async () => {
  harness = await startHarness({}, { eventStreams, waits: limits });
  await harness.app.http.listen({ port: 0, host: '127.0.0.1' });
  base = `http://127.0.0.1:${(harness.app.http.server.address() as AddressInfo).port}`;
  const owner = await harness.owner();
  first = await asking(owner);
  colleague = await asking(owner);
  stranger = await asking(await harness.otherTenant());
});
afterAll(() => harness.close());

async function asking(caller: Caller): Promise<Asking> {
  const scopes = ['documents:read'];
  const { secret } = (await caller('POST', '/v1/keys', { name: 'k', scopes })).body;
  const brain = (await caller('POST', '/v1/brains', { name: 'B' })).body.id;
  const { body, headers } = upload('Nobody reads this: there is no worker.');
  return { secret, job: (await caller('POST', `/v1/brains/${brain}/documents`, body, headers)).body.id };
}

const eventStream = () => '/v1/events';
const wait = (seconds: number) => (of: Asking) => `/v1/jobs/${of.job}?wait=${seconds}`;

test.each([
  ['event streams', eventStream, eventStream],
  ['waits for a job', wait(30), wait(1)],
])(
  '%s',
  async (what, path, probe) => {
    const sockets: ClientRequest[] = [];
    let over = false;
    const open = (of: Asking, count: number) => {
      for (let index = 0; index < count && !over; index += 1) {
        const request = get(base + path(of), { headers: { authorization: `Bearer ${of.secret}` }, agent: false });
        request.on('error', () => {});
        request.on('response', ({ statusCode }) => {
          // A probe had the place.
          if (statusCode === 429) setTimeout(() => open(of, 1), 50);
        });
        sockets.push(request);
      }
    };
    /** Asks until the answer has the status: those before are on their way in, or out. */
    const eventually = async (of: Asking, status: number) => {
      for (let tries = 0; tries < 60; tries += 1) {
        const request = get(base + probe(of), { headers: { authorization: `Bearer ${of.secret}` }, agent: false });
        const [answer] = await once(request, 'response');
        if (answer.statusCode === status) {
          if (status === 200) return request.destroy();
          return {
            retryAfter: answer.headers['retry-after'],
            ...JSON.parse(String((await answer.toArray()).join(''))),
          };
        }
        request.destroy();
        await sleep(100);
      }
      throw new Error(`no ${status} for ${probe(of)}`);
    };

    open(first, 3);
    expect(await eventually(first, 429)).toMatchObject({
      retryAfter: '5',
      code: 'too-many-requests',
      detail: `Allowed are 3 ${what} of yours under way at a time, and 3 are. Let one end and come back in 5 s.`,
    });
    open(colleague, 2);
    expect(await eventually(colleague, 429)).toMatchObject({
      detail: `Allowed are 5 ${what} of your tenant under way at a time, and 5 are. Let one end and come back in 5 s.`,
    });
    await eventually(stranger, 200);
    over = true;
    for (const socket of sockets) socket.destroy();
    await eventually(first, 200);
    await eventually(colleague, 200);
  },
  120_000,
);
