/** A document of over 2,000 pages, while processes die: nothing accepted is lost, nothing stands twice. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { routes } from '../../services/shared/contract/routes.ts';
import { testWith } from '../support/skip.ts';
import { ofKind } from './client.ts';
import { type Flow, openFlow, startTimeoutMs } from './deployment.ts';
import { hugePdf, lacksManuals } from './documents.ts';

let flow: Flow;
beforeAll(async () => {
  flow = await openFlow({ settings: { 'document-worker': { LOG_LEVEL: 'debug' } } });
}, startTimeoutMs);
afterAll(() => flow?.close(), startTimeoutMs);

const test = testWith(lacksManuals);

/** Every page that parsers have handed over, recorded or not, as the worker's log tells it. */
async function pagesRead(): Promise<number[]> {
  const log = await readFile(join(flow.folder, 'data/logs/document-worker.log'), 'utf8');
  const lines = log.split('\n').filter((line) => line.includes('"pages read"'));
  return lines.flatMap((line) => (JSON.parse(line) as { pages: number[] }).pages);
}

test('it completes although the worker is killed in mid-document, and only unfinished grants are parsed again', async () => {
  const brain = (await flow.owner.call(routes.createBrain, { body: { name: 'Reference' } })).id;
  const { id } = await flow.owner.ingest(brain, hugePdf);

  const before = await flow.owner.until(id, ({ progress }) => progress.pages_done >= 100);
  process.kill(flow.deployment.process('document-worker').pid as number, 'SIGKILL');
  const after = await flow.owner.call(routes.getJob, { params: { job: id } });
  expect(after.progress.pages_done).toBeGreaterThanOrEqual(before.progress.pages_done);

  const job = await flow.owner.finished(id, 240_000);
  expect(job).toMatchObject({ status: 'succeeded', progress: { pages_failed: 0 } });
  expect(job.progress.pages_total).toBeGreaterThan(2000);
  expect(job.progress.pages_done).toBe(job.progress.pages_total);
  // Under way when the worker was killed: four grants of at most 50 pages. Only of those a page was read twice.
  const read = await pagesRead();
  const total = job.progress.pages_total as number;
  expect(new Set(read).size).toBe(total);
  expect(read.length - total).toBeLessThanOrEqual(200);

  // The ledger counts each page once, whatever was parsed twice.
  expect(job.usage.pages).toBe(job.progress.pages_total);

  // The last page can be read and cited.
  const last = job.progress.pages_total as number;
  expect(
    await flow.owner.call(routes.getPage, { params: { document: job.document_id as string, page: last } }),
  ).toMatchObject({ page_number: last, error: null });
  const { events } = await flow.owner.ask(brain, 'Which function computes the Kolmogorov-Smirnov test?');
  expect(ofKind(events, 'citation').length).toBeGreaterThan(0);
}, 300_000);
