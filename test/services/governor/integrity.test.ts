import { describe, expect, test } from '@jest/globals';
import { framesOf, governorOfEachTest, receipts, sha256, submit } from './fixture.ts';

const each = governorOfEachTest();
const { start, open } = each;

describe('integrity', () => {
  const [manifest, chunk] = [
    (job: string) => framesOf(job, 'hello').manifest,
    (job: string) => framesOf(job, 'hello').chunks[0],
  ];
  const withChunk = (change: object) => ({
    ...chunk('J_1'),
    payload_chunk: { ...chunk('J_1')?.payload_chunk, ...change },
  });
  const withManifest = (change: object) => ({
    ...manifest('J_1'),
    payload_manifest: { ...manifest('J_1').payload_manifest, ...change },
  });

  test.each([
    ['payload_id_mismatch', { payload_id: 'P_2' }],
    ['chunk_expected_index', { index: 1 }],
    ['chunk_b64_invalid', { bytes_b64: 'aGVs*G8=' }],
    ['chunk_too_large', { bytes_b64: Buffer.alloc(9000).toString('base64') }],
    ['payload_too_large', { bytes_b64: Buffer.from('hello!').toString('base64'), sha256: sha256('hello!') }],
    ['chunk_hash_mismatch', { sha256: sha256('other') }],
  ])('%s is told, and the right chunk is taken after it', async (need_code, change) => {
    await start();
    const client = await open();
    await client.ask(manifest('J_1'));
    expect(await client.ask(withChunk(change))).toMatchObject({ verb: 'clarify', status: 'need', need_code });
    expect(await client.ask(chunk('J_1') as object)).toMatchObject({ status: 'done' });
  });

  test.each([
    ['payload_hash_mismatch', { sha256: sha256('other') }],
    ['payload_size_mismatch', { total_bytes: 6 }],
  ])('%s gives the slot back, and nothing reaches the endpoint', async (need_code, change) => {
    await start();
    const client = await open();
    expect(await client.ask(withManifest(change))).toMatchObject({ status: 'ok' });
    expect(await client.ask(chunk('J_1') as object)).toMatchObject({ status: 'need', need_code });
    expect([each.governor?.gate.inFlight, each.backend.seen.requests]).toEqual([0, 0]);
    expect(await submit(client, 'J_1', 'hello')).toMatchObject({ status: 'done' });
  });

  test.each([
    { chunk_bytes: 0 },
    { chunks: 0 },
    { chunks: -1 },
    { payload_id: '' },
    { content_encoding: 'gzip' },
    { cipher: 'aes' },
    { total_bytes: 51 * 1024 * 1024, chunk_bytes: 1024 * 1024, chunks: 64 },
    { total_bytes: 0, chunk_bytes: 2 ** 40, chunks: 2 ** 40 },
  ])('the manifest %j takes no slot', async (change) => {
    await start();
    const client = await open();
    const refused = await client.ask(withManifest(change));
    expect(refused).toMatchObject({ status: 'need', need_code: 'manifest_invalid', error_code: 'need_manifest_fix' });
    expect(receipts(refused)).toMatchObject({ 'conn.outcome_reason': 3, 'server.executed_total': 0 });
  });
});

test.each([
  ['GET / HTTP/1.1', 'http_request'],
  ['GIF89a', 'binary_gif'],
  ['<!DOCTYPE html>', 'html_document'],
  ['<?xml version="1.0"?>', 'xml_document'],
  ['[]', 'json_array'],
  ['{"v":', 'json_malformed'],
  ['{"v":"0"}', 'json_malformed'],
  ['hello', 'not_json'],
])('the line %s is a %s, and the connection goes on', async (line, need_code) => {
  await start();
  const client = await open();
  // The first byte of a connection may be that of HTTP.
  await client.ask({ v: 0, verb: 'ping', job: 'J', seq: 1 });
  expect(await client.ask(line)).toMatchObject({
    job: 'J',
    seq: 2,
    status: 'need',
    need_code,
    error_code: 'bad_frame',
  });
  expect(await client.ask({ v: 0, verb: 'ping', job: 'J', seq: 5 })).toMatchObject({ status: 'ok', seq: 6 });
});

test.each([
  { v: 1, verb: 'ping', job: 'J', seq: 1 },
  { v: 0, verb: 'ping', job: '', seq: 1 },
  { v: 0, verb: 'ping', job: 'J', seq: 0 },
  { v: 0, verb: 'dance', job: 'J', seq: 1 },
  { v: 0, verb: 'clarify', job: 'J', seq: 1, status: 'ok' },
  { v: 0, verb: 'share', job: 'J', seq: 1 },
  { v: 0, verb: 'ping', job: 'J', seq: 1, status: 'ok' },
  { v: 0, verb: 'ping', job: 'J', seq: 1, receipts: [{ kind: 'x', value_u64: 1 }] },
  { ...framesOf('J', 'x').manifest, payload_chunk: framesOf('J', 'x').chunks[0]?.payload_chunk },
])('%j is no envelope', async (frame) => {
  await start();
  const client = await open();
  expect(await client.ask(frame)).toMatchObject({
    status: 'need',
    need_code: 'envelope_invalid',
    error_code: 'bad_envelope',
  });
});
