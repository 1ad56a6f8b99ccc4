/** Who leaves while their key is looked up leaves nothing behind: no timer, no place. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { transferLimits } from '../../../../services/api/uploads/transfer-limits.ts';
import { leave } from '../../../support/leavers.ts';
import { type Harness, startHarness } from '../harness.ts';

/** No other timer has it. */
const stallMs = 222_222;
/** Of a reader who takes nothing, and the heartbeat. */
const delays = [stallMs / 2, 15_000];
const callers = 4;
let harness: Harness;
let headers: { authorization: string };
beforeAll(async () => {
  const eventStreams = { ...transferLimits.eventStreams, stallMs, callerMax: callers };
  harness = await startHarness({}, { eventStreams });
  await harness.app.http.listen({ port: 0, host: '127.0.0.1' });
  const owner = await harness.owner();
  const { secret } = (await owner('POST', '/v1/keys', { name: 'k', scopes: ['documents:read'] })).body;
  headers = { authorization: `Bearer ${secret}` };
});
afterAll(() => harness.close());

test('streams of callers who left before they were opened', async () => {
  const { app, services } = harness;
  const [set, cleared] = [jest.spyOn(globalThis, 'setInterval'), jest.spyOn(globalThis, 'clearInterval')];
  const holder = new pg.Client({ connectionString: services.databaseUrl });
  await holder.connect();
  await holder.query('begin');
  await holder.query('lock table api_keys in access exclusive mode');
  const sent = { method: 'GET', path: '/v1/events', headers };
  await leave(app, callers, sent, () => services.waitForLocks(callers));
  await holder.query('rollback');
  await holder.end();
  const made = () => set.mock.results.filter((_, index) => delays.includes(Number(set.mock.calls[index]?.[1])));
  const left = () => made().filter(({ value }) => !cleared.mock.calls.some(([timer]) => timer === value));
  // By then their keys are looked up, too. Whoever left before is not served at all; else what was made is cleared.
  await fetch(`${app.http.listeningOrigin}/v1/me`, { headers });
  for (let tries = 0; tries < 40 && left().length > 0; tries += 1) await sleep(50);
  const stillThere = left().length;
  set.mockRestore();
  cleared.mockRestore();
  expect(stillThere).toBe(0);

  const leaves = new AbortController();
  const again = await Promise.all(
    Array.from({ length: callers }, () =>
      fetch(`${app.http.listeningOrigin}/v1/events`, { headers, signal: leaves.signal }),
    ),
  );
  expect(again.map(({ status }) => status)).toEqual(Array(callers).fill(200));
  leaves.abort();
});
