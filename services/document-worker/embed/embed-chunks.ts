/**
 * The vectors of chunks. Each sentence has one of its own, since a question is near to the sentence that answers it, not
 * to the paragraph around; the chunk's is their mean.
 */
import { type ChunkInput, sentencesMax } from '../../shared/contract/vectorstore.ts';
import type { EmbedCall, Embedder } from '../../shared/models/embedding.ts';
import { refusesTexts } from '../../shared/models/remote-embedding.ts';
import { sentencesOf } from '../../shared/sentences.ts';

export type ChunkVectors = Required<Pick<ChunkInput, 'vector' | 'sentence_vectors'>>;

/** @throws EmbeddingError */
export async function embedChunks(
  embedder: Embedder,
  chunks: readonly Pick<ChunkInput, 'text' | 'heading'>[],
  call: EmbedCall,
): Promise<ChunkVectors[]> {
  const texts = chunks.map(textsOf);
  const { vectors: embedded } = await embedder.embed(
    texts.flatMap(({ heading, sentences }) => [...heading, ...sentences]),
    call,
  );
  let at = 0;
  return texts.map(({ heading, sentences }) => {
    const own = embedded.slice(at, at + heading.length + sentences.length).map(normalized);
    at += own.length;
    return { vector: mean(own.slice(heading.length)), sentence_vectors: packed(own) };
  });
}

/** What every endpoint takes that works at all. */
const plainText = 'text';

/**
 * {@link embedChunks}, but a chunk whose texts the endpoint refuses gets zeros, which are near nothing, so that it keeps
 * none of the others waiting; it is found by its words. An endpoint that refuses whatever it is asked does not work.
 *
 * @returns `refused`: how many chunks
 * @throws EmbeddingError
 */
export async function embedWhatIsTaken(
  embedder: Embedder,
  chunks: readonly Pick<ChunkInput, 'text' | 'heading'>[],
  call: EmbedCall,
): Promise<{ vectors: ChunkVectors[]; refused: number }> {
  try {
    return { vectors: await embedChunks(embedder, chunks, call), refused: 0 };
  } catch (error) {
    if (!refusesTexts(error)) throw error;
  }
  await embedder.embed([plainText], call);
  const vectors: ChunkVectors[] = [];
  let refused = 0;
  for (const chunk of chunks) {
    try {
      vectors.push(...(await embedChunks(embedder, [chunk], call)));
    } catch (error) {
      if (!refusesTexts(error)) throw error;
      const zeros = new Array<number>(embedder.dimensions).fill(0);
      vectors.push({ vector: zeros, sentence_vectors: packed([zeros]) });
      refused += 1;
    }
  }
  return { vectors, refused };
}

/** At least one sentence: a chunk is never empty. */
function textsOf({ text, heading }: Pick<ChunkInput, 'text' | 'heading'>) {
  const sentences = sentencesOf(text).map((sentence) => sentence.text.replace(/\s+/g, ' '));
  return { heading: heading ? [heading] : [], sentences: sentences.slice(0, sentencesMax - 1) };
}

function normalized(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}

/** Five digits are more than what is quantized can tell, and a third of the bytes as JSON. */
const digits = 1e5;

function mean(vectors: readonly number[][]): number[] {
  const sum = new Array<number>(vectors[0]?.length ?? 0).fill(0);
  for (const vector of vectors)
    for (let at = 0; at < sum.length; at++) sum[at] = (sum[at] as number) + (vector[at] as number);
  return normalized(sum).map((value) => Math.round(value * digits) / digits);
}

/** As contract/vectorstore.ts says: a signed byte per number. */
function packed(vectors: readonly number[][]): string {
  return Buffer.from(Int8Array.from(vectors.flat(), (value) => Math.round(value * 127)).buffer).toString('base64');
}
