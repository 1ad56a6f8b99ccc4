import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Answer, type Caller, type Harness, publicUrl, startHarness, upload } from '../harness.ts';

let harness: Harness;
let owner: Caller;
let brain: string;
beforeAll(async () => {
  harness = await startHarness();
  owner = await harness.owner();
});
beforeEach(async () => {
  brain = (await owner('POST', '/v1/brains', { name: 'Reports' })).body.id;
});
afterAll(() => harness.close());

function send(content: string | Buffer, name?: string, headers: Record<string, string> = {}): Promise<Answer> {
  const { body, headers: type } = upload(content, name);
  return owner('POST', `/v1/brains/${brain}/documents`, body, { ...type, ...headers });
}

const documents = async () => (await owner('GET', `/v1/brains/${brain}/documents`)).body.data;

/** Every object in the store. */
async function objects(): Promise<string[]> {
  const folder = fileURLToPath(harness.services.documentStoreUrl);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => `${entry.parentPath}/${entry.name}`);
}

test('an upload is answered 202 with its job, and the document carries it', async () => {
  const answer = await send('# Title\n\ntext', 'Report.md');
  expect(answer.status).toBe(202);
  expect(answer.body).toMatchObject({ object: 'job', kind: 'ingest', status: 'queued', lane: 'middle', attempt: 1 });
  expect(answer.headers.location).toBe(`/v1/jobs/${answer.body.id}`);
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  const [document] = await documents();
  expect(document).toMatchObject({
    name: 'Report.md',
    media_type: 'text/markdown',
    size_bytes: 13,
    sha256: createHash('sha256').update('# Title\n\ntext').digest('hex'),
    job: { id: answer.body.id },
  });
});

describe('the type comes from the content', () => {
  const pdf = Buffer.concat([Buffer.from('%PDF-1.7\n'), Buffer.from([0, 255, 254, 1])]);
  test.each([
    ['a.txt', pdf, 'application/pdf'],
    ['a.pdf', 'only text', 'text/plain'],
    ['a.markdown', '한국어 문서', 'text/markdown'],
    ['a.bin', 'x'.repeat(10_000), 'text/plain'],
    ['a.xml', '<?xml version="1.0"?><a/>', 'text/plain'],
    ['utf-16le.txt', Buffer.from('\uFEFF한국어 문서', 'utf16le'), 'text/plain'],
    ['utf-16be.md', Buffer.from('\uFEFF한국어 문서', 'utf16le').swap16(), 'text/markdown'],
    ['euc-kr.txt', Buffer.from('c7d1b1b9beee20b9aebcad'.repeat(9000), 'hex'), 'text/plain'],
  ])('%s', async (name, content, type) => {
    expect((await send(content, name)).status).toBe(202);
    expect((await documents())[0].media_type).toBe(type);
  });

  const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
  test.each([
    ['a picture', png, 'image/png'],
    ['bytes of no encoding', Buffer.from([0x61, 0xff, 0xfe, 0x62]), 'neither a PDF nor text; allowed are'],
    ['text with a NUL', Buffer.from('a\0b'), 'neither a PDF nor text'],
    ['UTF-16 with a NUL', Buffer.from('\uFEFFa\0b', 'utf16le'), 'neither a PDF nor text'],
    ['UTF-16 without its mark', Buffer.from('한국어 문서', 'utf16le'), 'neither a PDF nor text'],
    ['half a pair in UTF-16', Buffer.from('\uFEFF\uD83Da', 'utf16le'), 'neither a PDF nor text'],
    ['a cut character at the end', Buffer.from('한').subarray(0, 2), 'neither a PDF nor text'],
    ['bad bytes far behind good ones', Buffer.concat([Buffer.alloc(70_000, 97), Buffer.from([0xc3])]), 'neither'],
  ])('%s is refused with 415 and leaves nothing', async (_what, content, found) => {
    const before = await objects();
    const answer = await send(content);
    expect(answer.status).toBe(415);
    expect(answer.body.detail).toContain(found);
    expect(await documents()).toEqual([]);
    expect(await objects()).toEqual(before);
  });
});

test('names lose folders, control characters and marks that turn the reading direction', async () => {
  await send('one', '..\\..\\etc/pass\u202ewd\u0007.txt');
  expect((await documents())[0].name).toBe('passwd.txt');
});

test('an upload above the limit is cut off with 413 and leaves nothing', async () => {
  const before = await objects();
  const answer = await send(Buffer.alloc(1_000_001, 97));
  expect(answer.status).toBe(413);
  expect(answer.body.detail).toBe('The file is larger than 1000000 bytes, which is the most allowed here.');
  expect(await documents()).toEqual([]);
  expect(await objects()).toEqual(before);
  expect((await send(Buffer.alloc(1_000_000, 97))).status).toBe(202);
});

test('what is no upload is refused with what to do', async () => {
  const path = `/v1/brains/${brain}/documents`;
  const json = await owner('POST', path, { file: 'text' });
  expect([json.status, json.body.detail]).toEqual([415, "Send multipart/form-data with the file in the field 'file'."]);
  const { body, headers } = upload('text', 'a.txt', 'document');
  expect((await owner('POST', path, body, headers)).body.detail).toContain("The field is 'document'");
  expect((await send('')).body.detail).toBe('The file is empty.');
});

test('the same content again is the existing document, also when ten come at once', async () => {
  const before = (await objects()).length;
  const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => send('same', `${index}.txt`)));
  const statuses = answers.map(({ status }) => status).sort();
  expect(statuses).toEqual([...Array(9).fill(200), 202]);
  const [document, ...others] = await documents();
  expect(others).toEqual([]);
  for (const { status, body } of answers)
    if (status === 200) expect(body).toMatchObject({ deduplicated: true, document: { id: document.id } });
  expect((await objects()).length).toBe(before + 1);
});

describe('Idempotency-Key', () => {
  const key = { 'idempotency-key': 'key-1' };

  test('replays the same job for the same bytes, refuses others', async () => {
    const first = await send('bytes', 'a.txt', key);
    const again = await send('bytes', 'a.txt', key);
    expect([first.status, again.status]).toEqual([202, 202]);
    expect(again.body.id).toBe(first.body.id);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(again.headers['idempotency-key']).toBe('key-1');
    const other = await send('other bytes', 'a.txt', key);
    expect([other.status, other.body.code]).toEqual([422, 'key-reused']);
  });

  test('ten at once start one job; the others wait their turn or get the same', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => send('bytes', 'a.txt', key)));
    const jobs = new Set(answers.filter(({ status }) => status === 202).map(({ body }) => body.id));
    expect(jobs.size).toBe(1);
    for (const { status, body } of answers)
      if (status !== 202) expect([status, body.code]).toEqual([409, 'still-arriving']);
    expect(await documents()).toHaveLength(1);
  });

  test('a refused upload sets the key free', async () => {
    expect((await send('', 'a.txt', key)).status).toBe(400);
    expect((await send('bytes', 'a.txt', key)).status).toBe(202);
  });

  test('a key whose process died is taken over after 30 s without a sign of life', async () => {
    const insert = (age: string) =>
      harness.db
        .insertInto('idempotency_keys')
        .values({
          tenant_id: tenant,
          key: age,
          route: `uploadDocument ${brain}`,
          fingerprint: Buffer.alloc(0),
          created_at: new Date(Date.now() - Number(age)),
        })
        .execute();
    const tenant = (await owner('GET', '/v1/tenant')).body.id;
    await Promise.all([insert('5000'), insert('31000')]);
    const alive = await send('bytes', 'a.txt', { 'idempotency-key': '5000' });
    expect([alive.status, alive.headers['retry-after']]).toEqual([409, '2']);
    expect((await send('bytes', 'a.txt', { 'idempotency-key': '31000' })).status).toBe(202);
  });

  test('must be printable', async () => {
    expect((await send('bytes', 'a.txt', { 'idempotency-key': 'with space' })).body.detail).toContain('1 to 200');
  });
});

describe('quotas', () => {
  const quota = async (quotas: object) => {
    const tenant = (await owner('GET', '/v1/tenant')).body;
    await owner('PATCH', `/v1/tenants/${tenant.id}`, { quotas });
    return tenant;
  };
  afterAll(() => quota({ documents_max: null, bytes_max: null, pages_per_day_max: null }));

  test('of documents hold when many come at once', async () => {
    const { usage } = await quota({});
    await quota({ documents_max: usage.documents + 2 });
    const answers = await Promise.all(Array.from({ length: 6 }, (_, index) => send(`content ${index}`)));
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(2);
    const refused = answers.find(({ status }) => status === 429) as Answer;
    expect(refused.body).toMatchObject({ code: 'quota' });
    expect(refused.headers).toMatchObject({
      'ratelimit-policy': `"documents_max";q=${usage.documents + 2};qu="documents"`,
      ratelimit: '"documents_max";r=0;t=3600',
      'retry-after': '3600',
    });
    expect(await documents()).toHaveLength(2);
    await quota({ documents_max: null });
  });

  test('count no document that was deleted, and no page of yesterday', async () => {
    const { document_id } = (await send('soon deleted')).body;
    const { id, usage } = await quota({});
    await quota({ documents_max: usage.documents });
    expect((await send('in its place')).status).toBe(429);
    expect((await owner('DELETE', `/v1/documents/${document_id}`)).status).toBe(202);
    expect((await send('in its place')).status).toBe(202);
    await quota({ documents_max: null, pages_per_day_max: 10 });
    const read = (at: string) =>
      harness.services.query(
        `insert into ledger (key, tenant_id, kind, amount, created_at) values ($1, $2, 'pages', 10, $3)`,
        [at, id, at],
      );
    await read(new Date(new Date().setUTCHours(0, 0, 0, 0) - 1).toISOString());
    expect((await send('after yesterday')).status).toBe(202);
    await read(new Date().toISOString());
    expect((await send('after today')).status).toBe(429);
    await quota({ pages_per_day_max: null });
    await harness.services.query('delete from ledger where tenant_id = $1 and amount = 10', [id]);
  });

  test('of pages a day refuse before the work, until midnight UTC', async () => {
    await quota({ pages_per_day_max: 0 });
    const before = await objects();
    const answer = await send('more');
    expect(answer.status).toBe(429);
    expect(answer.headers['ratelimit-policy']).toBe('"pages_per_day_max";q=0;qu="pages";w=86400');
    expect(Number(answer.headers['retry-after'])).toBeLessThanOrEqual(86_400);
    expect(await objects()).toEqual(before);
    await quota({ pages_per_day_max: null });
  });
});

test('over a real connection: a sender that breaks off leaves nothing', async () => {
  const base = await harness.app.http.listen({ port: 0, host: '127.0.0.1' });
  const before = await objects();
  const secret = (await owner('POST', '/v1/keys', { name: 'k', scopes: ['documents:write'] })).body.secret;
  const breaking = new AbortController();
  const body = new ReadableStream({
    pull: async (controller) => {
      controller.enqueue(upload('a'.repeat(1000)).body.subarray(0, 900));
      setTimeout(() => breaking.abort(), 50);
      await new Promise(() => {});
    },
  });
  await expect(
    fetch(`${base}/v1/brains/${brain}/documents`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, ...upload('').headers, origin: publicUrl },
      body,
      duplex: 'half',
      signal: breaking.signal,
    } as RequestInit),
  ).rejects.toThrow();
  while ((await objects()).length !== before.length) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await objects()).toEqual(before);
  expect(await documents()).toEqual([]);
});
