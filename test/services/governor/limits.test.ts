/** What one peer, and all together, may ask of the governor. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { framesOf, governorOfEachTest, submit, until } from './fixture.ts';

const each = governorOfEachTest();
const { start, open } = each;

describe('limits', () => {
  test('a line above the longest ends the connection, and holds nothing', async () => {
    const { app } = await start({ limits: { lineBytesMax: 1000 } });
    const client = await open();
    client.socket.write('{'.repeat(2000));
    const last = await client.next();
    expect(last).toMatchObject({
      verb: 'confirm',
      status: 'abort',
      need_code: 'line_too_large',
      error_code: 'bad_frame',
    });
    expect(await client.next()).toBeNull();
    await until(async () => /governor_unfinished_line_bytes 0\n/.test(await app.metrics.metrics()));
  });

  test('all unfinished lines together have a bound', async () => {
    const { app } = await start({ limits: { unfinishedBytesMax: 1500 } });
    const [first, second] = [await open(), await open()];
    first.socket.write('{'.repeat(1000));
    await until(async () => /governor_unfinished_line_bytes 1000\n/.test(await app.metrics.metrics()));
    second.socket.write('{'.repeat(1000));
    expect(await second.next()).toMatchObject({ need_code: 'line_too_large' });
    first.socket.write('\n');
    expect(await first.next()).toMatchObject({ need_code: 'json_malformed' });
  });

  test('jobs of one connection', async () => {
    await start({ max: 5, limits: { jobsPerConnection: 2 } });
    const client = await open();
    for (const job of ['J_1', 'J_2'])
      expect(await client.ask(framesOf(job, 'x').manifest)).toMatchObject({ status: 'ok' });
    expect(await client.ask(framesOf('J_3', 'x').manifest)).toMatchObject({
      status: 'abort',
      need_code: 'too_many_jobs',
      error_code: 'quota',
    });
    expect(await client.next()).toBeNull();
    await until(() => each.governor?.gate.inFlight === 0);
  });

  test('silence, but not while a job runs', async () => {
    await start({ limits: { idleTimeoutMs: 1500 } });
    const client = await open();
    each.backend.does(async (_request, response) => {
      await sleep(3000);
      response.end('late');
    });
    expect(await submit(client, 'J_1', 'x')).toMatchObject({ status: 'done' });
    expect(await client.next()).toMatchObject({ status: 'abort', need_code: 'idle_timeout', error_code: 'timeout' });
    expect(await client.next()).toBeNull();
  });

  test('a line that comes byte by byte is silence', async () => {
    await start({ limits: { idleTimeoutMs: 300 } });
    const client = await open();
    const drip = setInterval(() => client.socket.write(' '), 20);
    expect(await client.next()).toMatchObject({ need_code: 'idle_timeout' });
    clearInterval(drip);
  });

  test('an output that is too large to be kept', async () => {
    await start({ limits: { outputBytesMax: 1000 } });
    each.backend.does((_request, response) => void response.end(Buffer.alloc(2000)));
    const client = await open();
    expect(await submit(client, 'J_1', 'x')).toMatchObject({ status: 'abort', need_code: 'output_too_large' });
    expect(await submit(client, 'J_2', 'x', { output: 'none' })).toMatchObject({ status: 'done' });
  });

  test('a token, where one is set', async () => {
    await start({ token: 'secret' });
    const [without, withIt] = [await open(), await open()];
    expect(await without.ask({ v: 0, verb: 'ping', job: 'J', seq: 1 })).toMatchObject({ status: 'ok' });
    expect(await without.ask(framesOf('J', 'x').manifest)).toMatchObject({
      status: 'abort',
      need_code: 'unauthorized',
    });
    expect(await without.next()).toBeNull();
    expect(await withIt.ask({ ...framesOf('J', 'x').manifest, token: 'secret' })).toMatchObject({ status: 'ok' });
    expect(await withIt.ask(framesOf('J', 'x').chunks[0] as object)).toMatchObject({ status: 'done' });
  });
});
