/** Answers of endpoints that are not ours: one that does not end must not fill the memory. */

/** The whole body; null: it has more than so many bytes, and is read no further. */
export async function readBounded(response: Response, bytesMax: number): Promise<Buffer<ArrayBuffer> | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > bytesMax) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
