/** The model itself: text to tokens to vectors. Blocks its thread while it works. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { SentencePieceProcessor } from '@agnai/sentencepiece-js';
import { graphFile, tokenizerFile } from '../weights/artefact.ts';

export interface Embedded {
  /** One after another, each of the model's dimensions, of L2 norm 1. */
  readonly vectors: Float32Array;
  /** Of all texts, with the two that mark the ends of each. */
  readonly tokens: number;
}

export interface Model {
  embed(texts: readonly string[]): Promise<Embedded>;
}

/** Ids that SentencePiece's model gives to the beginning and the end of a text. */
const [begin, end] = [1, 2];

export async function loadModel(folder: string): Promise<Model> {
  // CommonJS, and outside of the bundle: its native module lies beside it.
  const { InferenceSession, Tensor } = createRequire(import.meta.url)(
    'onnxruntime-node',
  ) as typeof import('onnxruntime-node');
  const tokenizer = new SentencePieceProcessor();
  await tokenizer.load(join(folder, tokenizerFile.name));
  const session = await InferenceSession.create(join(folder, graphFile.name), {
    // One thread: a tier's budget is a CPU or less, and threads beyond it only wait for its quota.
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    // Higher levels unpack what is quantized: slower, and twice the memory.
    graphOptimizationLevel: 'basic',
    // An arena keeps the memory of the largest batch for good.
    enableCpuMemArena: false,
    logSeverityLevel: 3,
  });
  const [tokensInput, splitsInput] = session.inputNames as [string, string];
  const [output] = session.outputNames as [string];
  return {
    embed: async (texts) => {
      const encoded = texts.map((text) => [begin, ...tokenizer.encodeIds(text), end]);
      const ids = Int32Array.from(encoded.flat());
      const splits = new BigInt64Array(encoded.length + 1);
      let at = 0;
      encoded.forEach((each, index) => {
        at += each.length;
        splits[index + 1] = BigInt(at);
      });
      const answer = await session.run({
        [tokensInput]: new Tensor('int32', ids, [ids.length]),
        [splitsInput]: new Tensor('int64', splits, [splits.length]),
      });
      return { vectors: answer[output]?.data as Float32Array, tokens: at };
    },
  };
}
