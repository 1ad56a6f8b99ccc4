/** A reader of `/v1/events` who takes nothing is let go, over a real socket; one who only reads slowly stays. */
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { transferLimits } from '../../../../services/api/uploads/transfer-limits.ts';
import { recordEvent } from '../../../../services/shared/jobs/events.ts';
import { type Harness, startHarness } from '../harness.ts';

const stallMs = 3000;
let harness: Harness;
let secret: string;
let tenantId: string;
let port: number;
beforeAll(async () => {
  // Long enough that nothing but the stall ends a stream here.
  harness = await startHarness({}, { eventStreams: { ...transferLimits.eventStreams, stallMs } });
  await harness.app.http.listen({ port: 0, host: '127.0.0.1' });
  port = (harness.app.http.server.address() as AddressInfo).port;
  const owner = await harness.owner();
  secret = (await owner('POST', '/v1/keys', { name: 'k', scopes: ['documents:read'] })).body.secret;
  tenantId = (await owner('GET', '/v1/tenant')).body.id;
});
afterAll(() => harness.close());

/** A reader's socket that reads nothing, and the service's end of it. */
async function open(): Promise<{ reader: Socket; served: Socket }> {
  const reader = connect(port, '127.0.0.1').on('error', () => {});
  reader.pause();
  const [served] = (await once(harness.app.http.server, 'connection')) as [Socket];
  reader.write(`GET /v1/events HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${secret}\r\n\r\n`);
  return { reader, served };
}

/** News until some of it waits in the service: the buffers of both ends of the connection take about 6 MB. */
async function fill(served: Socket): Promise<void> {
  for (let told = 0; told < 200 && served.writableLength === 0 && !served.destroyed; told += 1) {
    // Less than what ends a stream by its buffer.
    const data = { id: 'x'.repeat(200_000) };
    await recordEvent(harness.db, { tenantId, event: 'brain.deleted', resourceId: uuidv7(), data });
    await sleep(100);
  }
}

test('who takes nothing while something waits is let go', async () => {
  const { reader, served } = await open();
  await fill(served);
  expect([served.destroyed, served.writableLength > 0]).toEqual([false, true]);
  for (let tries = 0; tries < 300 && !served.destroyed; tries += 1) await sleep(100);
  expect(served.destroyed).toBe(true);
  reader.destroy();
});

test('who takes a little of it, again and again, stays; as does who has nothing to read', async () => {
  const [slow, idle] = [await open(), await open()];
  idle.reader.resume();
  await fill(slow.served);
  const end = Date.now() + 2 * stallMs;
  while (Date.now() < end) {
    slow.reader.resume();
    await once(slow.reader, 'data');
    slow.reader.pause();
    await sleep(100);
  }
  expect([slow.served.destroyed, idle.served.destroyed]).toEqual([false, false]);
  slow.reader.destroy();
  idle.reader.destroy();
});
