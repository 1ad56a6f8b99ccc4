/** The line protocol: what heptamini's client sends and reads, and where its server fell short. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { framesOf, type Governor, governorOfEachTest, receipts, sha256, submit, until } from './fixture.ts';
import { onLinux, peersAsked } from './keep-alive.ts';

const each = governorOfEachTest();
const { start, open } = each;

/** The backend answers when it is told to. */
function holdBackend() {
  const answers: (() => void)[] = [];
  each.backend.does((_request, response, body) => {
    answers.push(() => response.end(body));
  });
  return answers;
}

test('a payload in chunks is checked, posted to the endpoint, and its answer comes back', async () => {
  const { gate } = await start();
  each.backend.does((request, response, body) => {
    response
      .setHeader('content-type', 'text/plain')
      .end(`${request.method} ${request.headers['content-type']} ${sha256(body)}`);
  });
  const payload = Buffer.alloc(20_000, 'abc');
  const client = await open();
  const { manifest, chunks } = framesOf('J_file', payload);
  expect(chunks).toHaveLength(3);
  expect(await client.ask(manifest)).toMatchObject({ v: 0, verb: 'clarify', job: 'J_file', seq: 2, status: 'ok' });
  for (const chunk of chunks.slice(0, 2))
    expect(await client.ask(chunk)).toMatchObject({ verb: 'clarify', status: 'ok', seq: chunk.seq + 1 });
  const done = await client.ask(chunks[2] as object);
  const answer = `POST application/octet-stream ${sha256(payload)}`;
  expect(done).toMatchObject({ verb: 'confirm', status: 'done', seq: 6 });
  expect(done.output).toEqual({
    http_status: 200,
    content_type: 'text/plain',
    total_bytes: answer.length,
    sha256: sha256(answer),
    bytes_b64: Buffer.from(answer).toString('base64'),
  });
  expect(receipts(done)).toMatchObject({
    'server.health': 1,
    'backend.inflight': 0,
    'backend.cap': 1,
    'server.executed_total': 1,
    'server.yielded_total': 0,
    'server.completed_total': 1,
    'cdr.bytes_in': 20_000,
    'cdr.queue.ms': 0,
    'cdr.backend.ms': expect.any(Number),
    'conn.outcome': 1,
  });
  expect(gate.counts).toEqual({ executed: 1, yielded: 0, completed: 1, failed: 0, cancelled: 0 });
});

test('an output streams where that is asked', async () => {
  await start();
  each.backend.does(async (_request, response) => {
    for (const word of ['one ', 'two ', 'three']) {
      response.write(word);
      await sleep(30);
    }
    response.end();
  });
  const client = await open();
  let frame = await submit(client, 'J_1', 'say', { output: 'stream' });
  let [text, index] = ['', 0];
  for (; frame.verb === 'share'; frame = await client.next()) {
    const { payload_chunk: piece } = frame;
    const bytes = Buffer.from(piece.bytes_b64, 'base64');
    expect(piece).toMatchObject({ payload_id: 'P_1', index, offset: text.length, sha256: sha256(bytes) });
    text += bytes;
    index += 1;
  }
  expect(index).toBe(3);
  expect(text).toBe('one two three');
  expect(frame).toMatchObject({ status: 'done', output: { total_bytes: 13, sha256: sha256(text) } });
  expect(frame.output).not.toHaveProperty('bytes_b64');
});

test('who comes when all is taken hears it at the manifest, with a computed hint, and may come again on the same job', async () => {
  const { gate } = await start();
  const answers = holdBackend();
  const [busy, other] = [await open(), await open()];
  const first = submit(busy, 'J_a', 'first');
  await until(() => answers.length === 1);
  const { manifest } = framesOf('J_b', 'second');
  const yielded = await other.ask(manifest);
  expect(yielded).toMatchObject({
    verb: 'clarify',
    job: 'J_b',
    status: 'yield',
    need_code: 'server_busy',
    error_code: 'busy',
  });
  // Two seconds are expected of a use until one has ended.
  expect(yielded.retry_hint_ms).toBeGreaterThan(1000);
  expect(yielded.retry_hint_ms).toBeLessThanOrEqual(3000);
  expect(receipts(yielded)).toMatchObject({
    'server.health': 0,
    'conn.outcome': 3,
    'conn.outcome_reason': 1,
    'conn.retry_hint_ms': yielded.retry_hint_ms,
    'server.yielded_total': 1,
  });
  answers[0]?.();
  expect(await first).toMatchObject({ status: 'done' });
  const again = submit(other, 'J_b', 'second');
  await until(() => answers.length === 2);
  answers[1]?.();
  expect(await again).toMatchObject({ status: 'done' });
  expect(gate.counts).toEqual({ executed: 2, yielded: 1, completed: 2, failed: 0, cancelled: 0 });
});

test('a ping says how full it is, and takes nothing', async () => {
  await start();
  const answers = holdBackend();
  const [client, other] = [await open(), await open()];
  const ping = { v: 0, verb: 'ping', job: 'J_ping', seq: 1, ttl_ms: 0 };
  const pong = await client.ask(ping);
  expect(pong).toMatchObject({ verb: 'confirm', job: 'J_ping', seq: 2, status: 'ok' });
  expect(receipts(pong)).toMatchObject({ 'server.health': 1, 'backend.inflight': 0 });
  client.send(framesOf('J_1', '').manifest);
  await client.next();
  expect(receipts(await other.ask(ping))).toMatchObject({ 'server.health': 0, 'backend.inflight': 1 });
  expect(answers).toEqual([]);
});

describe('a slot is free again', () => {
  const taken = async () => {
    await start();
    const answers = holdBackend();
    const client = await open();
    const running = submit(client, 'J_1', 'payload');
    await until(() => answers.length === 1);
    return { client, running };
  };
  const expectFree = async () => {
    await until(() => each.governor?.gate.inFlight === 0 && each.backend.seen.inside === 0);
    expect(each.governor?.gate.counts).toMatchObject({ executed: 1, completed: 0, cancelled: 1 });
    expect(each.backend.seen.aborted).toBe(1);
  };

  test('when its job is taken back', async () => {
    const { client, running } = await taken();
    client.send({ v: 0, verb: 'cancel', job: 'J_1', seq: 9, ttl_ms: 0 });
    expect(await running).toMatchObject({
      verb: 'confirm',
      status: 'abort',
      need_code: 'canceled',
      error_code: 'canceled',
    });
    await expectFree();
    expect(await client.ask({ v: 0, verb: 'cancel', job: 'J_1', seq: 10 })).toMatchObject({
      status: 'need',
      need_code: 'job_unknown',
    });
  });

  test('when its peer is gone', async () => {
    const { client } = await taken();
    client.close();
    await expectFree();
  });

  onLinux('when its peer vanished: it is asked while its job runs, and cut off if it does not answer', async () => {
    const { client } = await taken();
    const { port } = each.governor as Governor;
    expect(await peersAsked(port)).toEqual([client.socket.localPort]);
    client.close();
    await expectFree();
  });

  test('when its peer closes its side only', async () => {
    const { client } = await taken();
    client.socket.end();
    await expectFree();
  });
});

test('who uploads too slowly loses the slot, and is told', async () => {
  await start({ limits: { uploadTimeoutMs: 2000 } });
  const client = await open();
  const { manifest, chunks } = framesOf('J_1', Buffer.alloc(20_000));
  await client.ask(manifest);
  await client.ask(chunks[0] as object);
  expect(await client.next()).toMatchObject({ status: 'abort', need_code: 'upload_timeout', error_code: 'timeout' });
  expect(each.governor?.gate.inFlight).toBe(0);
  expect(await client.ask(chunks[1] as object)).toMatchObject({ status: 'need', need_code: 'manifest_missing' });
});

test('a job takes no longer than it says, nor than is allowed', async () => {
  // More than the test may take.
  await start({ jobTimeoutMs: 600_000 });
  holdBackend();
  const hurried = await open();
  const { manifest, chunks } = framesOf('J_1', 'x');
  await hurried.ask({ ...manifest, ttl_ms: 100 });
  expect(await hurried.ask(chunks[0] as object)).toMatchObject({ status: 'abort', need_code: 'timeout' });
  expect(each.governor?.gate.counts).toMatchObject({ executed: 1, failed: 1, completed: 0 });
  await each.governor?.stop();
  await start({ jobTimeoutMs: 400 });
  const client = await open();
  const late = await submit(client, 'J_2', 'x');
  expect(late).toMatchObject({ status: 'abort', need_code: 'timeout' });
  expect(receipts(late)).toMatchObject({ 'conn.outcome': 4, 'conn.outcome_reason': 9 });
  expect(each.governor?.gate.counts).toMatchObject({ executed: 1, failed: 1, completed: 0 });
});

test('a backend that fails is told as such, with what it said', async () => {
  await start();
  each.backend.does((_request, response) => void response.writeHead(500).end('out of memory'));
  const client = await open();
  const failed = await submit(client, 'J_1', 'x');
  expect(failed).toMatchObject({
    verb: 'confirm',
    status: 'abort',
    need_code: 'backend_error',
    output: { http_status: 500 },
  });
  expect(receipts(failed)).toMatchObject({ 'conn.outcome': 2, 'conn.outcome_reason': 8 });
  each.backend.does((_request, response) => void response.destroy());
  expect(await submit(client, 'J_2', 'x')).toMatchObject({ status: 'abort', need_code: 'backend_error' });
  expect(each.governor?.gate.counts).toMatchObject({ executed: 2, failed: 2 });
});

test('two tenants: one that floods leaves the other a slot', async () => {
  await start({ max: 4 });
  holdBackend();
  const client = await open();
  const statusOf = async (tenant: string, job: string) =>
    (await client.ask({ ...framesOf(job, 'x').manifest, tenant })).status;
  const flood = [];
  for (let job = 0; job < 5; job += 1) flood.push(await statusOf('flood', `J_${job}`));
  expect(flood).toEqual(['ok', 'ok', 'ok', 'yield', 'yield']);
  expect(await statusOf('quiet', 'J_q')).toBe('ok');
});

test('on its way out it refuses, lets what runs end, and closes', async () => {
  const started = await start({ max: 2 });
  const answers = holdBackend();
  const [busy, idle] = [await open(), await open()];
  const running = submit(busy, 'J_1', 'x');
  await until(() => answers.length === 1);
  started.app.drain();
  expect(await idle.next()).toBeNull();
  busy.send(framesOf('J_2', 'x').manifest);
  expect(await running).toMatchObject({ job: 'J_2', status: 'yield', retry_hint_ms: 1000 });
  answers[0]?.();
  expect(await busy.next()).toMatchObject({ status: 'done' });
  expect(await busy.next()).toBeNull();
});
