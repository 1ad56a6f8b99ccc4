/**
 * The published graph begins with a node that only a library of custom operators knows: the SentencePiece tokenizer, with
 * its model inside. It is cut into the tokenizer's model and a graph of standard operators that takes the tokens.
 */
import onnxProto from 'onnx-proto';

const { onnx } = onnxProto;

const tokenizerNode = 'SentencepieceTokenizer';

/** @throws Error when the graph has no such node */
export function cutGraph(model: Uint8Array): { graph: Uint8Array; tokenizer: Uint8Array } {
  const decoded = onnx.ModelProto.decode(model);
  const { graph } = decoded;
  const node = graph?.node?.find(({ opType }) => opType === tokenizerNode);
  const tokenizer = node?.attribute?.find(({ name }) => name === 'model')?.s;
  const [tokens, splits] = node?.output ?? [];
  if (!graph || !tokenizer || !tokens || !splits)
    throw new Error(`the ONNX graph has no node '${tokenizerNode}' with a model and two outputs`);
  graph.node = graph.node?.filter((other) => other !== node) ?? [];
  const { INT32, INT64 } = onnx.TensorProto.DataType;
  graph.input = [vector(tokens, INT32, 'tokens'), vector(splits, INT64, 'splits')];
  // The custom operators are gone: a runtime that does not know their domain would refuse the graph.
  decoded.opsetImport = decoded.opsetImport.filter(({ domain }) => !domain);
  return { graph: onnx.ModelProto.encode(decoded).finish(), tokenizer };
}

const vector = (name: string, elemType: number, dimParam: string) =>
  onnx.ValueInfoProto.create({ name, type: { tensorType: { elemType, shape: { dim: [{ dimParam }] } } } });
