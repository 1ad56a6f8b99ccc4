/** Rows of what was read as one sentence, because none of its lines ends with a full stop. Pure. */
import type { Sentence } from '../../shared/sentences.ts';

/** A printed line of prose has more characters, so a shorter one was ended, not wrapped. */
const proseLineCharsMin = 60;
/** Lines are set by the width of letters, not by their number: this share of the longest is a full one. */
const fullShare = 0.8;
/** Fewer are a heading with the sentence below it. */
const rowsMin = 3;
/** Announces what follows: a row alone would break off. */
const opens = /[:?：？]["'”’)\]]*\s*$/;

/** Of the longest line. */
export const lineCharsMax = (text: string): number => Math.max(...text.split('\n').map(({ length }) => length));

/** @param lineChars of the longest line around @returns none when the lines are those of a wrapped sentence */
export function rowsOf(text: string, lineChars: number): Sentence[] {
  const lines = [...text.matchAll(/[^\r\n]+/g)].map((match) => ({ at: match.index, line: match[0] }));
  const full = fullShare * Math.max(proseLineCharsMin, lineChars);
  const rows: Sentence[] = [];
  let start: number | null = null;
  for (const [index, { at, line }] of lines.entries()) {
    start ??= at;
    const next = lines[index + 1]?.line.trim();
    // Where the next word would have stood on the line too, the line was ended on purpose.
    const wrapped = next !== undefined && line.length + 1 + (next.split(/\s/)[0] as string).length > full;
    if (next !== undefined && (wrapped || opens.test(line))) continue;
    const row = text.slice(start, at + line.length);
    const from = start + row.length - row.trimStart().length;
    if (row.trim()) rows.push({ start: from, end: from + row.trim().length, text: row.trim() });
    start = null;
  }
  return rows.length < rowsMin ? [] : rows;
}
