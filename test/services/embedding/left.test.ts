/** Callers who leave while their token is checked take no slot with them. The model is made up: who is let in is asked. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { createEmbeddingApp } from '../../../services/embedding/app.ts';
import type { Engine } from '../../../services/embedding/inference/engine.ts';
import { createVerifier } from '../../../services/shared/auth/service-token.ts';
import { embeddingPath } from '../../../services/shared/contract/embedding.ts';
import type { App } from '../../../services/shared/http/http.ts';
import { createLogger } from '../../../services/shared/log.ts';
import { builtInEmbedding } from '../../../services/shared/models/embedder.ts';
import { heldVerifier, statusesAfterLeaving } from '../../support/leavers.ts';
import { allPublicKeys, signerOf } from '../../support/service-keys.ts';

const { model, dimensions } = builtInEmbedding;
const engine: Engine = {
  embed: async () => ({ vectors: new Float32Array(dimensions), tokens: 1 }),
  lost: new Promise(() => {}),
  waiting: { questions: 0, documents: 0 },
  close: async () => {},
};

let app: App;
let held: ReturnType<typeof heldVerifier>;
beforeAll(async () => {
  held = heldVerifier(await createVerifier('embedding', allPublicKeys));
  const log = createLogger('embedding', { level: 'silent' });
  app = createEmbeddingApp({ engine, verify: held.verify, log });
  await app.http.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => app.http.close());

test.each([
  ['questions', 'chat', 80, 64],
  // Of 16 one tenant has all but the reserve.
  ['documents', 'document-worker', 60, 14],
] as const)('%s: all slots are free again', async (_what, from, leavers, slots) => {
  const sign = await signerOf(from);
  const token = await sign({ to: 'embedding', verb: 'embed', tenantId: uuidv7(), brainId: uuidv7() });
  const headers = { authorization: `Bearer ${token}` };
  const body = { model, input: 'a' };
  expect(await statusesAfterLeaving(app, held, { path: embeddingPath, headers, body, leavers, slots })).toEqual(
    Array(slots).fill(200),
  );
});
