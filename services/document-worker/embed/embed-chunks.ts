/**
 * The vectors of chunks. Each sentence has one of its own, since a question is near to the sentence that answers it, not
 * to the paragraph around; the chunk's is their mean.
 */
import { type ChunkInput, sentencesMax } from '../../shared/contract/vectorstore.ts';
import type { EmbedCall, Embedder } from '../../shared/models/embedding.ts';
import { sentencesOf } from '../../shared/sentences.ts';

export type ChunkVectors = Required<Pick<ChunkInput, 'vector' | 'sentence_vectors'>>;

/** @throws EmbeddingError */
export async function embedChunks(
  embedder: Embedder,
  chunks: readonly Pick<ChunkInput, 'text' | 'heading'>[],
  call: EmbedCall,
): Promise<{ vectors: ChunkVectors[]; tokens: number }> {
  const texts = chunks.map(textsOf);
  const { vectors: embedded, tokens } = await embedder.embed(
    texts.flatMap(({ heading, sentences }) => [...heading, ...sentences]),
    call,
  );
  let at = 0;
  const vectors = texts.map(({ heading, sentences }) => {
    const own = embedded.slice(at, at + heading.length + sentences.length).map(normalized);
    at += own.length;
    return { vector: mean(own.slice(heading.length)), sentence_vectors: packed(own) };
  });
  return { vectors, tokens };
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
