/** The main job through the public API: a real PDF becomes a cited answer, and stays one after a restart. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { execa } from 'execa';
import { routes } from '../../services/shared/contract/routes.ts';
import { faultsOf } from '../services/web/fixture/produced.ts';
import { testWith } from '../support/skip.ts';
import { ofKind } from './client.ts';
import { type Flow, openFlow, startTimeoutMs } from './deployment.ts';
import { lacksManuals, manualPdf, writePdf } from './documents.ts';

let flow: Flow;
let brain: string;
beforeAll(async () => {
  flow = await openFlow();
  brain = (await flow.owner.call(routes.createBrain, { body: { name: 'Manuals' } })).id;
}, startTimeoutMs);
afterAll(() => flow?.close(), startTimeoutMs);

const test = testWith(lacksManuals);

describe('a document', () => {
  test('is accepted with 202, a place to look and a time to come back, and is searchable when it succeeded', async () => {
    const response = await flow.owner.upload(brain, manualPdf);
    expect(response.status).toBe(202);
    const accepted = await response.json();
    expect(response.headers.get('location')).toBe(`/v1/jobs/${accepted.id}`);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(accepted).toMatchObject({ object: 'job', kind: 'ingest', status: 'queued' });

    const job = await flow.owner.finished(accepted.id);
    expect(job).toMatchObject({ status: 'succeeded', error: null });
    expect(job.progress.pages_done).toBe(job.progress.pages_total);
    expect(job.usage.pages).toBe(job.progress.pages_total);

    const { events } = await flow.owner.ask(brain, 'How do I read data from a file with read.table()?');
    const citations = ofKind(events, 'citation');
    expect(citations.length).toBeGreaterThan(0);
    expect(
      ofKind(events, 'token')
        .map(({ text }) => text)
        .join(''),
    ).toContain('[1]');
    for (const { document_id, page_number, start, end, quote } of citations) {
      const page = await flow.owner.call(routes.getPage, { params: { document: document_id, page: page_number } });
      expect(page.text.slice(start, end)).toBe(quote);
    }
    expect(ofKind(events, 'done')).toMatchObject([
      { status: 'done', answered: true, answerer: { kind: 'extractive' } },
    ]);
  });

  test('has pages with line boxes that lie on the page and cover its text', async () => {
    const { data } = await flow.owner.call(routes.listDocuments, { params: { brain } });
    const page = await flow.owner.call(routes.getPage, { params: { document: data[0]?.id as string, page: 20 } });
    expect(page.page_number).toBe(20);
    expect(page.lines.length).toBeGreaterThan(10);
    const { width = 0, height = 0 } = page.metadata;
    for (const [start, end, x0, y0, x1, y1] of page.lines) {
      expect(end).toBeGreaterThan(start);
      expect(page.text.slice(start, end)).not.toContain('\n');
      expect([x0 >= 0, y0 >= 0, x1 <= width, y1 <= height, x0 < x1, y0 < y1]).toEqual([
        true,
        true,
        true,
        true,
        true,
        true,
      ]);
    }
    expect(page.tables).toEqual({ status: 'off', items: [] });
  });

  test('is downloaded as an attachment, whole or in ranges', async () => {
    const { data } = await flow.owner.call(routes.listDocuments, { params: { brain } });
    const document = data[0]?.id as string;
    const whole = await flow.owner.send(routes.getFile, { params: { document } });
    expect(whole.headers.get('content-disposition')).toContain('attachment');
    expect(Buffer.from(await whole.arrayBuffer()).byteLength).toBe(data[0]?.size_bytes);
    const part = await flow.owner.send(routes.getFile, { params: { document }, headers: { range: 'bytes=0-4' } });
    expect([part.status, await part.text()]).toEqual([206, '%PDF-']);
    const unchanged = await flow.owner.send(routes.getFile, {
      params: { document },
      headers: { 'if-none-match': whole.headers.get('etag') as string },
    });
    expect(unchanged.status).toBe(304);
  });

  test('of the same content is the existing one', async () => {
    const again = await flow.owner.upload(brain, manualPdf, { name: 'another name.pdf' });
    expect(again.status).toBe(200);
    expect(await again.json()).toMatchObject({ deduplicated: true, document: { name: 'R-intro.pdf' } });
  });

  test('in Korean Markdown is found by a Korean question', async () => {
    const path = join(flow.folder, 'handbook.md');
    await writeFile(
      path,
      '# 휴가 규정\n\n연차 휴가는 입사 첫해에 15일이 주어집니다.\n\n# 출장\n\n출장비는 영수증을 제출한 뒤 7일 안에 지급됩니다.\n',
    );
    expect(await flow.owner.finished((await flow.owner.ingest(brain, path)).id)).toMatchObject({ status: 'succeeded' });
    const { events } = await flow.owner.ask(brain, '연차 휴가는 며칠인가요?');
    expect(ofKind(events, 'citation')[0]).toMatchObject({ document_name: 'handbook.md', page_number: 1 });
    expect(ofKind(events, 'citation')[0]?.quote).toContain('15일');
  });
});

test('the jobs of real documents are such as the page’s own fixtures may show', async () => {
  const { data } = await flow.owner.call(routes.listDocuments, { params: { brain } });
  expect(data.length).toBeGreaterThan(1);
  expect(data.flatMap(({ job }) => faultsOf(job))).toEqual([]);
});

describe('a restart', () => {
  test(
    'finds yesterday: documents, answers and conversations',
    async () => {
      const { conversation } = await flow.owner.ask(brain, 'What is a data frame?');
      flow = await flow.restart();
      const { data } = await flow.owner.call(routes.listTurns, { params: { conversation } });
      expect(data).toMatchObject([{ question: 'What is a data frame?', status: 'done' }]);
      const events = await flow.owner.askIn(conversation, 'What is a factor?');
      expect(ofKind(events, 'citation').length).toBeGreaterThan(0);
    },
    startTimeoutMs,
  );
});

describe('deleting a document', () => {
  test('removes its vectors, pages and file', async () => {
    const path = await writePdf(join(flow.folder, 'secret.pdf'), [
      'The launch code of the lighthouse is heliotrope seventeen.',
    ]);
    const accepted = await flow.owner.ingest(brain, path);
    await flow.owner.finished(accepted.id);
    const question = 'What is the launch code of the lighthouse?';
    const document = accepted.document_id as string;
    expect(ofKind((await flow.owner.ask(brain, question)).events, 'citation')[0]).toMatchObject({
      document_id: document,
      page_number: 1,
    });

    const removal = await flow.owner.call(routes.deleteDocument, { params: { document } });
    await expect(flow.owner.document(document)).rejects.toMatchObject({ status: 404 });
    expect(await flow.owner.finished(removal.id)).toMatchObject({ status: 'succeeded', document_id: null });
    const { events } = await flow.owner.ask(brain, question);
    expect(ofKind(events, 'citation').filter(({ document_id }) => document_id === document)).toEqual([]);
    expect((await flow.owner.send(routes.getFile, { params: { document } })).status).toBe(404);
    expect((await flow.owner.send(routes.getPage, { params: { document, page: 1 } })).status).toBe(404);
  });
});

describe('npm run verify', () => {
  const verify = async () => {
    const program = fileURLToPath(new URL('../../local/verify.ts', import.meta.url));
    const { stdout, exitCode } = await execa(process.execPath, [program, '--data', join(flow.folder, 'data')], {
      reject: false,
    });
    return { stdout, exitCode };
  };

  test(
    'says that all of it adds up, and what does not once something is taken away',
    async () => {
      expect(await verify()).toEqual({
        exitCode: 0,
        stdout: 'Nothing is missing, nothing is left over, nothing stands twice.',
      });
      const { data } = await flow.owner.call(routes.listDocuments, { params: { brain } });
      const lost = data[0]?.id as string;
      await rm(join(flow.folder, 'data/documents/tenants', await tenantId(), 'documents', lost, 'original'));
      const { stdout, exitCode } = await verify();
      expect(exitCode).toBe(1);
      expect(stdout).toContain(`missing: the file of a document is not in the object store: ${lost}`);
    },
    startTimeoutMs,
  );

  const tenantId = async () => (await flow.owner.call(routes.me)).tenant.id;
});
