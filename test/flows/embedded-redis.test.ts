/** One whole flow on the embedded Redis: what a newcomer without `redis-server` gets. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { routes } from '../../services/shared/contract/routes.ts';
import { ofKind } from './client.ts';
import { type Flow, openFlow, startTimeoutMs } from './deployment.ts';
import { writePdf } from './documents.ts';

let flow: Flow;
beforeAll(async () => {
  flow = await openFlow({ redis: 'embedded' });
}, startTimeoutMs);
afterAll(() => flow?.close(), startTimeoutMs);

test('a PDF becomes a cited answer', async () => {
  const brain = (await flow.owner.call(routes.createBrain, { body: { name: 'Embedded' } })).id;
  const pages = Array.from(
    { length: 120 },
    (_, index) => `Room ${index + 1} holds the ${index === 76 ? 'astrolabe of Seville' : 'empty shelf'}.`,
  );
  const { id } = await flow.owner.ingest(brain, await writePdf(join(flow.folder, 'rooms.pdf'), pages));
  expect(await flow.owner.finished(id, 120_000)).toMatchObject({ status: 'succeeded', progress: { pages_done: 120 } });
  const { events } = await flow.owner.ask(brain, 'Which room holds the astrolabe of Seville?');
  expect(ofKind(events, 'citation')[0]).toMatchObject({ page_number: 77 });
}, 180_000);
