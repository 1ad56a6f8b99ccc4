/** Ready means warm: the way of a question is walked before the first person takes it. */
import type { EmbeddingSettings } from '../shared/embedding.ts';
import { nobody } from '../shared/visit.ts';
import { extract } from './extractive.ts';
import { newMeter } from './ledger.ts';
import type { Passage } from './passages.ts';
import type { Retrieval } from './retrieval.ts';

/** The tenth round is as fast as the hundredth. */
const rounds = 10;
/** A slow vectorstore must not keep a replica from becoming ready. */
const timeoutMs = 2000;
const question = 'Is the first question as fast as the tenth?';
/** As many and as long as a search brings. */
const passages: readonly Passage[] = Array.from({ length: 8 }, (_, at) => ({
  n: at + 1,
  documentId: nobody,
  documentName: 'rehearsal',
  pageNumber: 1,
  start: 0,
  end: 620,
  text: 'Ready means warm. The first question is as fast as the tenth. '.repeat(10),
}));

/** Not with a remote embedding, which would bill every start. Never throws. */
export async function rehearse(retrieval: Retrieval, { EMBEDDING_URL }: EmbeddingSettings): Promise<void> {
  if (EMBEDDING_URL) return;
  for (let round = 0; round < rounds; round += 1) {
    // Nobody's brain: the search finds nothing, on the same way through the vectorstore and back.
    const search = { tenantId: nobody, brainId: nobody, text: question };
    await retrieval.find(search, newMeter(), AbortSignal.timeout(timeoutMs)).catch(() => []);
    extract(question, passages);
  }
}
