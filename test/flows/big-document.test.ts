/** A document of over 2,000 pages, while processes die: nothing accepted is lost, nothing stands twice. */
import { afterAll, beforeAll, expect } from '@jest/globals';
import { routes } from '../../services/shared/contract/routes.ts';
import { testWith } from '../skip.ts';
import { ofKind } from './client.ts';
import { hugePdf, lacksManuals } from './documents.ts';
import { type Flow, openFlow, startTimeoutMs } from './house.ts';

let flow: Flow;
beforeAll(async () => {
  flow = await openFlow();
}, startTimeoutMs);
afterAll(() => flow?.close(), startTimeoutMs);

const test = testWith(lacksManuals);

test('it completes although the worker is killed in mid-document, and only unfinished grants are parsed again', async () => {
  const brain = (await flow.owner.call(routes.createBrain, { body: { name: 'Reference' } })).id;
  const { id } = await flow.owner.ingest(brain, hugePdf);

  const before = await flow.owner.until(id, ({ progress }) => progress.pages_done >= 100);
  process.kill(flow.house.process('document-worker').pid as number, 'SIGKILL');
  const after = await flow.owner.call(routes.getJob, { params: { job: id } });
  expect(after.progress.pages_done).toBeGreaterThanOrEqual(before.progress.pages_done);

  const job = await flow.owner.finished(id, 240_000);
  expect(job).toMatchObject({ status: 'succeeded', progress: { pages_failed: 0 } });
  expect(job.progress.pages_total).toBeGreaterThan(2000);
  expect(job.progress.pages_done).toBe(job.progress.pages_total);
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
