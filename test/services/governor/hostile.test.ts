/** Peers that are broken or mean: noise, pieces of frames, thousands of connections, readers that do not read. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readFrame } from '../../../services/governor/protocol/frames.ts';
import { LineReader, UnfinishedLines } from '../../../services/governor/protocol/lines.ts';
import {
  type Backend,
  framesOf,
  type Governor,
  type LineClient,
  openLines,
  startBackend,
  startGovernor,
  submit,
  until,
} from './fixture.ts';

let backend: Backend;
let governor: Governor;
beforeAll(async () => {
  backend = await startBackend();
  governor = await startGovernor({ backend, max: 3, limits: { lineBytesMax: 4096, payloadBytesMax: 4096 } });
});
afterAll(async () => {
  await governor?.stop();
  backend?.close();
});

const { manifest, chunks } = framesOf('J_1', 'payload');
/** A good frame of which one field is something else. */
const bent = fc
  .tuple(
    fc.constantFrom<object>(
      manifest,
      ...chunks,
      { v: 0, verb: 'ping', job: 'J_1', seq: 1 },
      { v: 0, verb: 'cancel', job: 'J_1', seq: 1 },
    ),
    fc.string({ maxLength: 12 }),
    fc.jsonValue({ maxDepth: 2 }),
    fc.nat(2),
  )
  .map(([frame, key, value, where]) => {
    const copy = structuredClone(frame) as Record<string, Record<string, unknown> | unknown>;
    const inner = copy.payload_manifest ?? copy.payload_chunk;
    const target = (where === 0 && inner ? inner : copy) as Record<string, unknown>;
    const keys = Object.keys(target);
    target[where === 2 ? key : (keys[key.length % keys.length] as string)] = value;
    return `${JSON.stringify(copy)}\n`;
  });
const piece = fc.oneof(
  { weight: 4, arbitrary: bent },
  { weight: 4, arbitrary: fc.constantFrom(manifest, ...chunks).map((frame) => `${JSON.stringify(frame)}\n`) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 80 }).map((text) => ` ${text}\n`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '\n',
      '{',
      '{'.repeat(5000),
      '\u0000',
      '[[[[\n',
      `{"v":0,"job":"${'x'.repeat(4000)}"}\n`,
    ),
  },
);

test('whatever is sent, every line has one answer at most, the slots come back and the next peer is served', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 12 }), fc.boolean(), async (pieces, leave) => {
      const client = await openLines(governor.port);
      const replies: string[] = [];
      client.socket.on('data', (data) => replies.push(data.toString()));
      // Lines from the first byte on: an upper-case letter would be HTTP.
      client.socket.write(' ');
      for (const text of pieces) client.socket.write(text);
      if (leave) client.close();
      else {
        client.socket.write(`\n${JSON.stringify({ v: 0, verb: 'ping', job: 'J_end', seq: 7 })}\n`);
        await until(() => client.socket.closed || replies.join('').includes('"J_end"'));
      }
      const lines = replies.join('').split('\n').filter(Boolean);
      for (const line of lines)
        expect(JSON.parse(line)).toMatchObject({ v: 0, verb: expect.stringMatching(/^(clarify|confirm|share)$/) });
      client.close();
      await until(() => governor.gate.inFlight === 0);
      const { executed, completed, failed, cancelled } = governor.gate.counts;
      expect(executed).toBe(completed + failed + cancelled);
    }),
    { numRuns: 150, interruptAfterTimeLimit: 60_000 },
  );
  const client = await openLines(governor.port);
  expect(await submit(client, 'J_1', 'still here')).toMatchObject({ status: 'done' });
  client.close();
});

test('lines are found wherever the bytes are cut, and nothing is kept of them', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 30 })), fc.array(fc.nat(200)), (texts, cuts) => {
      const shared = new UnfinishedLines();
      const reader = new LineReader({ lineBytesMax: 1000, unfinishedBytesMax: 1000 }, shared);
      const lines = texts.map((text) => text.replaceAll('\n', '').trim());
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
      const points = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
      const found = points
        .slice(1)
        .flatMap((end, index) => reader.push(bytes.subarray(points[index], end)) ?? ['too long']);
      expect(found).toEqual(lines);
      expect(shared.bytes).toBe(0);
    }),
  );
});

test('no text makes reading a frame throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), bent), (line) => {
      const read = readFrame(line);
      expect('frame' in read || 'bad' in read).toBe(true);
    }),
  );
});

test('two thousand peers that say nothing, or half a line, keep nobody out', async () => {
  const clients: LineClient[] = [];
  for (let round = 0; round < 20; round += 1)
    clients.push(...(await Promise.all(Array.from({ length: 100 }, () => openLines(governor.port)))));
  for (const [index, client] of clients.entries()) if (index % 2 === 0) client.socket.write('{"v":0,');
  const client = await openLines(governor.port);
  expect(await submit(client, 'J_1', 'served')).toMatchObject({ status: 'done' });
  for (const one of [...clients, client]) one.close();
  await until(async () => /governor_connections 0\n/.test(await governor.app.metrics.metrics()));
});

test('who does not read its stream holds one slot until the time is up, and a few pieces in memory', async () => {
  const slow = await startGovernor({ backend, jobTimeoutMs: 1500, limits: { idleTimeoutMs: 5000 } });
  let sent = 0;
  backend.does(async (_request, response) => {
    const piece = Buffer.alloc(64 * 1024, 'x');
    for (; !response.destroyed && sent < 400; sent += 1)
      if (!response.write(piece))
        await Promise.race([new Promise((resolve) => response.once('drain', resolve)), sleep(500)]);
    response.end();
  });
  const client = await openLines(slow.port);
  client.send(framesOf('J_1', 'x', { output: 'stream' }).manifest);
  await client.next();
  client.socket.pause();
  client.send(framesOf('J_1', 'x', { output: 'stream' }).chunks[0] as object);
  await until(() => slow.gate.inFlight === 0);
  // 25 MB would have come.
  expect(sent).toBeLessThan(300);
  expect(slow.gate.counts).toMatchObject({ executed: 1, failed: 1 });
  client.close();
  await slow.stop();
});

describe('who does not read its answers', () => {
  const unread = async (idleTimeoutMs: number) => {
    const one = await startGovernor({ backend, max: 4, limits: { idleTimeoutMs } });
    // More than the buffers of a connection take.
    backend.does((_request, response) => void response.end(Buffer.alloc(6 * 1024 * 1024, 'x')));
    const client = await openLines(one.port);
    client.socket.pause();
    for (const job of ['J_1', 'J_2', 'J_3', 'J_4']) {
      const { manifest, chunks } = framesOf(job, 'x');
      for (const frame of [manifest, ...chunks]) client.send(frame);
    }
    await until(() => one.gate.counts.completed > 0);
    return { one, client };
  };
  const connections = async ({ app }: Governor) => /governor_connections (\d+)/.exec(await app.metrics.metrics())?.[1];

  test('is ended, and what waited for it is let go', async () => {
    const { one, client } = await unread(1000);
    await until(async () => (await connections(one)) === '0');
    client.close();
    await one.stop();
  });

  test('does not hold up the end of the service', async () => {
    const { one, client } = await unread(600_000);
    expect(await connections(one)).toBe('1');
    await one.stop();
    client.close();
  });
});
