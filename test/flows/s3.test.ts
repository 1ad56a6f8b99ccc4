/** Documents and vectors on S3 instead of a folder: the main job, and deletion that leaves nothing, versions included. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { routes } from '../../services/shared/contract/routes.ts';
import { lacksS3, startS3, type TestS3 } from '../support/s3.ts';
import { testWith } from '../support/skip.ts';
import { ofKind } from './client.ts';
import { type Flow, openFlow, startTimeoutMs } from './deployment.ts';
import { writePdf } from './documents.ts';

let s3: TestS3;
let flow: Flow;
beforeAll(async () => {
  if (lacksS3) return;
  s3 = await startS3();
  flow = await openFlow({ outer: { ...s3.env, DOCUMENT_STORE_URL: `s3://${s3.bucket}/bulkhead` } });
}, startTimeoutMs);
afterAll(async () => {
  await flow?.close();
  await s3?.close();
}, startTimeoutMs);

const test = testWith(lacksS3);

test('a PDF becomes a cited answer, and nothing of it stays after its deletion', async () => {
  const brain = (await flow.owner.call(routes.createBrain, { body: { name: 'On S3' } })).id;
  const pages = ['The harbour master is Ingrid Solberg.', 'The lighthouse was built in 1871 from Bergen granite.'];
  const accepted = await flow.owner.ingest(brain, await writePdf(join(flow.folder, 'harbour.pdf'), pages));
  expect(await flow.owner.finished(accepted.id)).toMatchObject({ status: 'succeeded' });
  const document = accepted.document_id as string;
  const { tenant } = await flow.owner.call(routes.me);
  const under = `bulkhead/tenants/${tenant.id}/documents/${document}/`;
  expect((await s3.objects(under)).length).toBeGreaterThan(1);
  expect((await s3.holding('Bergen granite')).length).toBeGreaterThan(1);

  const { conversation, events } = await flow.owner.ask(brain, 'When was the lighthouse built?');
  expect(ofKind(events, 'citation')[0]).toMatchObject({ document_id: document, page_number: 2 });
  const range = { range: 'bytes=0-4' };
  const part = await flow.owner.send(routes.getFile, { params: { document }, headers: range });
  expect([part.status, await part.text()]).toEqual([206, '%PDF-']);

  const removal = await flow.owner.call(routes.deleteDocument, { params: { document } });
  expect(await flow.owner.finished(removal.id)).toMatchObject({ status: 'succeeded', document_id: null });
  expect(await s3.objects(under)).toEqual([]);
  // Neither in a version of an object nor in one of the brain's vector tables.
  expect(await s3.holding('Bergen granite')).toEqual([]);
  const { data: turns } = await flow.owner.call(routes.listTurns, { params: { conversation } });
  expect(turns).toMatchObject([{ answer: '', citations: [{ document_id: document, quote: '', deleted: true }] }]);
  const again = await flow.owner.ask(brain, 'When was the lighthouse built?');
  expect(ofKind(again.events, 'citation')).toEqual([]);
});
