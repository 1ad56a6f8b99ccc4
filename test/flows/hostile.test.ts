/** What people and programs do wrong, by accident or on purpose: each gets a clear answer, and nothing else suffers. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { routes } from '../../services/shared/contract/routes.ts';
import { type ModelServer, startModelServer } from '../services/chat/models/model-server.ts';
import { testWith } from '../support/skip.ts';
import { Client, ofKind, type ProblemAnswer } from './client.ts';
import { type Flow, openFlow, startTimeoutMs } from './deployment.ts';
import {
  lacksManuals,
  lacksQpdf,
  manualPdf,
  writeEncryptedPdf,
  writePdf,
  writePictures,
  writeTruncatedPdf,
} from './documents.ts';

let flow: Flow;
let brain: string;
/** Answers when a test lets it. */
let model: ModelServer;
beforeAll(async () => {
  model = await startModelServer();
  flow = await openFlow({
    settings: {
      api: { UPLOAD_BYTES_MAX: String(2 * 1024 * 1024) },
      chat: { CHAT_SLOTS: '1', MODEL_URL: model.url, MODEL_NAME: 'held' },
    },
  });
  brain = (await flow.owner.call(routes.createBrain, { body: { name: 'Hostile' } })).id;
}, startTimeoutMs);
afterAll(async () => {
  await flow?.close();
  await model.close();
}, startTimeoutMs);

const fileIn = (name: string) => join(flow.folder, name);
const writeText = async (name: string, text: string | Buffer) => {
  await writeFile(fileIn(name), text);
  return fileIn(name);
};

describe('broken documents', () => {
  testWith(lacksManuals ?? lacksQpdf)('a locked PDF is not added, and says so', async () => {
    const { id } = await flow.owner.ingest(brain, await writeEncryptedPdf(fileIn('locked.pdf'), manualPdf));
    expect(await flow.owner.finished(id)).toMatchObject({ status: 'failed', error: { code: 'encrypted' } });
  });

  test('garbage that calls itself a PDF is not added, and says so', async () => {
    const { id } = await flow.owner.ingest(
      brain,
      await writeText('garbage.pdf', `%PDF-1.7\n${'garbage '.repeat(500)}`),
    );
    expect(await flow.owner.finished(id)).toMatchObject({ status: 'failed', error: { code: 'damaged' } });
  });

  testWith(lacksManuals)('a PDF of which only half arrived is not added, and says so', async () => {
    const { id } = await flow.owner.ingest(brain, await writeTruncatedPdf(fileIn('truncated.pdf'), manualPdf));
    expect(await flow.owner.finished(id)).toMatchObject({ status: 'failed', error: { code: 'damaged' } });
  });

  test('a PDF without text is not added, and says so', async () => {
    const { id } = await flow.owner.ingest(brain, await writePdf(fileIn('blank.pdf'), ['', '']));
    expect(await flow.owner.finished(id)).toMatchObject({ status: 'failed', error: { code: 'no-text' } });
  });

  test('a document whose pages are mostly pictures says how many hold no text', async () => {
    const { id } = await flow.owner.ingest(brain, await writePictures(fileIn('pictures.pdf'), 3, ['The only text.']));
    expect(await flow.owner.finished(id)).toMatchObject({
      status: 'partial',
      progress: { pages_total: 4, pages_done: 4, pages_failed: 0, pages_without_text: 3 },
    });
  });

  test.each([
    ['UTF-16', Buffer.from('\uFEFF구명조끼는 좌석 아래에 있습니다', 'utf16le'), '구명조끼는 좌석 아래에 있습니다'],
    ['EUC-KR', Buffer.from('c7d1b1b9beee20b9aebcad', 'hex'), '한국어 문서'],
  ])('text in %s is read as what it says', async (name, bytes, text) => {
    const { id } = await flow.owner.ingest(brain, await writeText(`${name}.txt`, bytes));
    const { status, document_id } = await flow.owner.finished(id);
    expect(status).toBe('succeeded');
    const page = await flow.owner.call(routes.getPage, { params: { document: document_id as string, page: 1 } });
    expect(page.text).toBe(text);
  });

  test('an empty file is refused before any work', async () => {
    const response = await flow.owner.upload(brain, await writeText('empty.txt', ''));
    expect(response.status).toBe(400);
  });

  test('an unknown type is refused before any work, by content and not by name', async () => {
    const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
    const response = await flow.owner.upload(brain, await writeText('picture.pdf', png));
    expect([response.status, (await response.json()).code]).toEqual([415, 'unsupported-type']);
  });

  test('an oversized upload is refused and leaves nothing behind', async () => {
    const before = await flow.owner.call(routes.listDocuments, { params: { brain } });
    const response = await flow.owner.upload(brain, await writeText('large.txt', 'x'.repeat(2 * 1024 * 1024 + 1)));
    const problem = await response.json();
    expect([response.status, problem.code]).toEqual([413, 'too-large']);
    expect(problem.detail).toMatch(/2097152|2 MiB|2\.0 MiB/);
    expect((await flow.owner.call(routes.listDocuments, { params: { brain } })).data.length).toBe(before.data.length);
  });
});

describe('retries', () => {
  test('the same Idempotency-Key starts one job, whoever wins', async () => {
    const path = await writeText('once.txt', 'Submitted five times at once, read once.');
    const headers = { 'idempotency-key': 'five-at-once' };
    const answers = await Promise.all(Array.from({ length: 5 }, () => flow.owner.upload(brain, path, { headers })));
    const bodies = await Promise.all(answers.map((answer) => answer.json()));
    const accepted = answers.flatMap((answer, index) => (answer.status === 202 ? [bodies[index].id] : []));
    expect(new Set(accepted).size).toBe(1);
    // The others saw the same job, or were told that the first is still arriving.
    expect(answers.filter(({ status }) => status !== 202 && status !== 409)).toEqual([]);

    const replay = await flow.owner.upload(brain, path, { headers });
    expect([replay.status, replay.headers.get('idempotency-replayed'), (await replay.json()).id]).toEqual([
      202,
      'true',
      accepted[0],
    ]);
    const other = await flow.owner.upload(brain, await writeText('other.txt', 'Another payload.'), { headers });
    expect([other.status, (await other.json()).code]).toEqual([422, 'key-reused']);
  });

  test('the same content five times at once is one document', async () => {
    const path = await writeText('same.txt', 'The same content, five times at once.');
    const answers = await Promise.all(Array.from({ length: 5 }, () => flow.owner.upload(brain, path)));
    const bodies = await Promise.all(answers.map((answer) => answer.json()));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 202]);
    expect(new Set(bodies.map((body) => body.document_id ?? body.document.id)).size).toBe(1);
  });
});

describe('strangers', () => {
  test('without a session nothing opens', async () => {
    const stranger = new Client(flow.deployment.url);
    await expect(stranger.call(routes.listBrains)).rejects.toMatchObject({ status: 401, code: 'unauthorized' });
    await expect(stranger.call(routes.listConversations, { query: { brain_id: brain } })).rejects.toMatchObject({
      status: 401,
    });
  });

  test("another tenant's key sees this tenant's things as absent, on every tier", async () => {
    const { id } = await flow.owner.ingest(
      brain,
      await writeText('ours.txt', 'Only our tenant knows the word parallax.'),
    );
    const { document_id } = await flow.owner.finished(id);
    const theirs = await strangerInOtherTenant();
    const document = document_id as string;
    for (const [route, params] of [
      [routes.getBrain, { brain }],
      [routes.getDocument, { document }],
      [routes.getPage, { document, page: 1 }],
      [routes.getFile, { document }],
      [routes.getJob, { job: id }],
      [routes.deleteDocument, { document }],
    ] as const)
      expect((await theirs.send(route, { params })).status).toBe(404);
    expect((await theirs.send(routes.createConversation, { body: { brain_id: brain } })).status).toBe(404);
    expect((await theirs.call(routes.listBrains)).data).toEqual([]);
  });

  test('the token of a used link opens nothing', async () => {
    const again = new Client(flow.deployment.url);
    await expect(again.signInByLink(flow.deployment.ownerToken as string)).rejects.toMatchObject({
      status: 410,
      code: 'gone',
    });
  });
});

describe('a full chat', () => {
  test('yields at once with a hint while its slot is taken, and answers when it is free', async () => {
    const { id } = await flow.owner.ingest(brain, await writeText('slow.txt', 'Tides follow the moon. '.repeat(200)));
    await flow.owner.finished(id);
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const asked = new Promise<void>((resolve) => {
      model.behave(async (stream) => {
        resolve();
        await held;
        stream.text('The moon [1].');
        stream.end();
      });
    });
    const first = flow.owner.ask(brain, 'What do tides follow?');
    await asked;
    const others = await Promise.allSettled(
      Array.from({ length: 5 }, () => flow.owner.ask(brain, 'What do tides follow?')),
    );
    release();
    for (const other of others) {
      expect(other).toMatchObject({ status: 'rejected', reason: { status: 503, code: 'yield' } });
      const { headers } = (other as PromiseRejectedResult).reason as ProblemAnswer;
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(ofKind((await first).events, 'done')).toHaveLength(1);
    expect(ofKind((await flow.owner.ask(brain, 'What do tides follow?')).events, 'done')).toHaveLength(1);
  });
});

/** An API key of a second tenant, made by the owner of the installation. */
async function strangerInOtherTenant(): Promise<Client> {
  const tenant = await flow.owner.call(routes.createTenant, { body: { name: 'Others' } });
  const home = (await flow.owner.call(routes.me)).tenant.id;
  await flow.owner.call(routes.switchTenant, { body: { tenant_id: tenant.id } });
  const key = await flow.owner.call(routes.createKey, {
    body: { name: 'theirs', scopes: ['documents:read', 'documents:write', 'chat', 'admin'] },
  });
  await flow.owner.call(routes.switchTenant, { body: { tenant_id: home } });
  return new Client(flow.deployment.url, key.secret);
}
