import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseRange } from '../../../../services/api/brains/file.ts';
import { type Caller, type Harness, startHarness, upload } from '../harness.ts';

describe('a range', () => {
  test.each([
    [undefined, null],
    ['bytes=0-4', { start: 0, end: 4 }],
    ['bytes=5-', { start: 5, end: 9 }],
    ['bytes=-3', { start: 7, end: 9 }],
    ['bytes=-30', { start: 0, end: 9 }],
    ['bytes=8-100', { start: 8, end: 9 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=4-2', null],
    ['bytes=0-1,3-4', null],
    ['lines=1-2', null],
    ['bytes=-', null],
  ])('%s of 10 bytes', (header, range) => {
    expect(parseRange(header, 10)).toEqual(range);
  });

  test('never leaves the file', () => {
    fc.assert(
      fc.property(fc.nat(), fc.option(fc.nat()), fc.option(fc.nat()), (size, first, last) => {
        const range = parseRange(`bytes=${first ?? ''}-${last ?? ''}`, size);
        if (range === null || range === 'unsatisfiable') return;
        expect(range.start).toBeGreaterThanOrEqual(0);
        expect(range.end).toBeLessThan(size);
        expect(range.start).toBeLessThanOrEqual(range.end);
      }),
    );
  });
});

describe('the original', () => {
  let harness: Harness;
  let owner: Caller;
  let path: string;
  beforeAll(async () => {
    harness = await startHarness();
    owner = await harness.owner();
    const brain = (await owner('POST', '/v1/brains', { name: 'B' })).body.id;
    const { body, headers } = upload('0123456789', '보고서 (1)%.txt');
    const job = (await owner('POST', `/v1/brains/${brain}/documents`, body, headers)).body;
    path = `/v1/documents/${job.document_id}/file`;
  });
  afterAll(() => harness.close());

  test('comes whole, as an attachment under its name, and is never sniffed', async () => {
    const { status, headers, body } = await owner('GET', path);
    expect([status, String(body)]).toEqual([200, '0123456789']);
    expect(headers).toMatchObject({
      'content-length': '10',
      'content-type': 'text/plain; charset=utf-8',
      'content-disposition': `attachment; filename="___ (1)_.txt"; filename*=UTF-8''%EB%B3%B4%EA%B3%A0%EC%84%9C%20%281%29%25.txt`,
      'x-content-type-options': 'nosniff',
      'accept-ranges': 'bytes',
    });
  });

  test('comes in part', async () => {
    const part = await owner('GET', path, undefined, { range: 'bytes=2-4' });
    expect([part.status, String(part.body), part.headers['content-range']]).toEqual([206, '234', 'bytes 2-4/10']);
    const none = await owner('GET', path, undefined, { range: 'bytes=20-' });
    expect([none.status, none.headers['content-range'], none.body.code]).toEqual([416, 'bytes */10', 'bad-range']);
    const old = await owner('GET', path, undefined, { range: 'bytes=2-4', 'if-range': '"other"' });
    expect(old.status).toBe(200);
  });

  test('unchanged is 304', async () => {
    const etag = String((await owner('GET', path)).headers.etag);
    expect((await owner('GET', path, undefined, { 'if-none-match': etag })).status).toBe(304);
  });
});
