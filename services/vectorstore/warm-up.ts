/** What a caller would otherwise wait for: the native module, the indexes that are in use, the way of a search. */
import { connect } from '@lancedb/lancedb';
import type { SignCall } from '../shared/auth/service-token.ts';
import { vectorstorePaths } from '../shared/contract/vectorstore.ts';
import type { App } from '../shared/http/http.ts';
import { selfRequest } from '../shared/warm-up/self-request.ts';
import { searchChunks } from './search/search.ts';
import { upsertChunks } from './tables/chunk-table.ts';
import { createTable, openSnapshot } from './tables/table-schema.ts';
import type { RecentBrain, VectorStore } from './vector-store.ts';

/** Where nobody has worked lately. */
const nobodys: RecentBrain = {
  tenantId: '00000000-0000-7000-8000-000000000000',
  brainId: '00000000-0000-7000-8000-000000000000',
  dimensions: 8,
};

/** Opens the indexes of recent brains, and searches the newest as chat will. */
export async function warmUp(app: App, store: VectorStore, sign: SignCall): Promise<void> {
  const [{ tenantId, brainId, dimensions } = nobodys] = await store.openRecent();
  const token = await sign({ to: 'vectorstore', verb: 'search', tenantId, brainId });
  const body = { query: 'warm', vector: Array.from({ length: dimensions }, () => 0.05), limit: 16 };
  await selfRequest(app, {
    path: vectorstorePaths.search(brainId),
    headers: { authorization: `Bearer ${token}` },
    body,
  });
}

/** Loads the native module and compiles its first query, on a table in memory. */
export async function loadEngine(): Promise<void> {
  const connection = await connect('memory://warm-up');
  const embedding = { dimensions: 8 };
  const table = await createTable(connection, embedding);
  const text = 'warm 暖かい';
  const vector = [1, 0, 0, 0, 0, 0, 0, 0];
  const chunk = { id: 'warm:1:0', page_number: 1, start: 0, end: text.length, text, heading: 'Warm', vector };
  await upsertChunks(table, embedding, [{ run: { documentId: 'warm', epoch: 1 }, rows: [chunk] }]);
  const search = { query: text, vector, limit: 1 };
  // The tenth is as fast as the hundredth.
  const snapshot = await openSnapshot(connection, await table.version());
  for (let round = 0; round < 9; round += 1) await searchChunks(snapshot, search);
  const hits = await searchChunks(snapshot, search);
  connection.close();
  if (hits.length !== 1) throw new Error('the vector engine did not find the row that it was given');
}
