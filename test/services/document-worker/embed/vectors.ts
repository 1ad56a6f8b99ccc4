/** What tests of vectors ask of rows, of the vectorstore and of a search. */
import { expect } from '@jest/globals';
import { verify } from '../../../../services/document-worker/verify/verify.ts';
import { searchAnswer, vectorstorePaths } from '../../../../services/shared/contract/vectorstore.ts';
import type { StubEmbedding } from '../../../support/embedding/stub-embedding.ts';
import { stubVector } from '../../../support/embedding/stub-vectors.ts';
import { signerOf } from '../../../support/service-keys.ts';
import type { Bench, Place } from '../fixture.ts';

export const dimensions = 16;
/** A worker's environment that embeds with a stub. */
export const embeddingEnv = ({ url }: Pick<StubEmbedding, 'url'>, model: string) => ({
  EMBEDDING_URL: url,
  EMBEDDING_MODEL: model,
  EMBEDDING_DIMENSIONS: String(dimensions),
  EMBEDDING_API_KEY: 'key',
});

/** About a paragraph each, so about a chunk each. */
export const longText = (word: string, lines: number) =>
  Buffer.from(
    Array.from(
      { length: lines },
      (_, line) => `${word} number ${line} lies in dock ${line % 97}, said the harbour master of ${word}.`,
    ).join('\n'),
  );

export const brainOf = ({ db }: Bench, { brainId }: Place) =>
  db.selectFrom('brains').selectAll().where('id', '=', brainId).executeTakeFirstOrThrow();
export const documentOf = ({ db }: Bench, documentId: string) =>
  db.selectFrom('documents').selectAll().where('id', '=', documentId).executeTakeFirstOrThrow();
export const isWhole = async (bench: Bench, documentId: string, model?: string) => {
  const { vectors_pending, vectors_model } = await documentOf(bench, documentId);
  return !vectors_pending && vectors_model !== null && (model === undefined || vectors_model === model);
};

/** Chunks of a document with and without a vector of the model. */
export async function vectorCounts(bench: Bench, documentId: string, model: string, place: Place = bench) {
  const { tenantId, brainId } = place;
  const chunks = await bench.vectors.chunksOf({ tenantId, brainId, documentId }, 1, 5000, { model, dimensions });
  const withVector = chunks.filter(({ has_vector }) => has_vector).length;
  return { chunks: chunks.length, withVector };
}

/** Similarities of a search by words and meaning: null where a hit has no vector of the model. */
export async function similarities(bench: Bench, query: string, model: string): Promise<(number | null)[]> {
  const { tenantId, brainId, env } = bench;
  const token = await (await signerOf('chat'))({ to: 'vectorstore', verb: 'search', tenantId, brainId });
  const answer = await fetch(new URL(vectorstorePaths.search(brainId), env.VECTORSTORE_URL), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query, vector: stubVector(query, dimensions), model, limit: 5 }),
  });
  return searchAnswer.parse(await answer.json()).hits.map(({ similarity }) => similarity);
}

export async function expectNothingWrong(bench: Bench): Promise<void> {
  expect(await verify(bench.db, bench.store, bench.vectors)).toEqual([]);
}
