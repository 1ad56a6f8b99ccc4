/** Vectors for tests that need some, not the model: the same text has the same, and texts that share words are near. */

/** @returns `dimensions` numbers of L2 norm 1; all zero when the text has no letter and no digit */
export function stubVector(text: string, dimensions: number): number[] {
  const vector = new Array<number>(dimensions).fill(0);
  for (const [word] of text.toLowerCase().matchAll(/[\p{L}\p{N}]+/gu)) {
    let hash = 0x811c9dc5;
    for (const letter of word) hash = Math.imul(hash ^ (letter.codePointAt(0) as number), 0x01000193) >>> 0;
    const at = (hash >>> 1) % dimensions;
    vector[at] = (vector[at] as number) + (hash & 1 ? 1 : -1);
  }
  const norm = Math.hypot(...vector) || 1;
  return vector.map((value) => value / norm);
}
