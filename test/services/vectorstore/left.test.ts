/** Callers who leave while their token is checked take no slot with them. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { vectorstorePaths } from '../../../services/shared/contract/vectorstore.ts';
import type { App } from '../../../services/shared/http/http.ts';
import { createVectorstoreApp } from '../../../services/vectorstore/app.ts';
import { heldVerifier, statusesAfterLeaving } from '../../support/leavers.ts';
import { verifier } from '../../support/service-keys.ts';
import { startServices, type TestServices } from '../../support/stores.ts';
import {
  chunksOf,
  dimensions,
  startVectorstore,
  type TestBrain,
  type TestVectorstore,
  tokenFor,
  upsert,
  upsertPath,
} from './fixture.ts';

let services: TestServices;
let store: TestVectorstore;
let app: App;
let held: ReturnType<typeof heldVerifier>;
beforeAll(async () => {
  services = await startServices();
  store = await startVectorstore(services);
  held = heldVerifier(await verifier());
  app = createVectorstoreApp({ ...store, verify: held.verify, notReady: async () => null, log: services.log });
  await app.http.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await app.http.close();
  await store.close();
  await services.close();
});

const write = ({ documentId }: TestBrain) => ({ epoch: 0, dimensions, chunks: chunksOf(documentId, ['A text.']) });
test.each([
  ['writes', 12, 8, upsertPath, write],
  // Of 64 one tenant has all but the reserve.
  [
    'searches',
    80,
    56,
    ({ brainId }: TestBrain) => vectorstorePaths.search(brainId),
    () => ({ query: 'text', limit: 1 }),
  ],
  // Without a body to wait for.
  ['lists', 80, 56, ({ brainId }: TestBrain) => vectorstorePaths.documents(brainId), () => undefined],
])('%s: all slots are free again', async (_what, leavers, slots, pathOf, bodyOf) => {
  const brain = await store.newBrain();
  expect((await upsert(store, brain, ['A text.'])).status).toBe(200);
  const [path, body] = [pathOf(brain), bodyOf(brain)];
  const headers = { authorization: `Bearer ${await tokenFor(path, brain)}` };
  expect(await statusesAfterLeaving(app, held, { path, headers, body, leavers, slots })).toEqual(
    Array(slots).fill(200),
  );
});
