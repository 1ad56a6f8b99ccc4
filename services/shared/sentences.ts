/** Sentences of a text, with where they stand. Pure. */

export interface Sentence {
  /** UTF-16 offsets in the text. */
  readonly start: number;
  readonly end: number;
  /** Exactly what stands between them. */
  readonly text: string;
}

/** Shorter ones are headings or "No.": they stand with the sentence that follows. */
const sentenceCharactersMin = 25;
/** Longer ones are tables or lists without full stops; a quote must be readable at a glance. */
const sentenceCharactersMax = 400;

const segmenter = new Intl.Segmenter(undefined, { granularity: 'sentence' });

export function sentencesOf(text: string): Sentence[] {
  // PDF lines end in the middle of sentences; an empty line ends one. Same length, so offsets hold.
  const unwrapped = text.replace(/(?<!\n[ \t]*)\r?\n(?![ \t]*\r?\n)/g, (lineEnd) => ' '.repeat(lineEnd.length));
  const sentences: Sentence[] = [];
  let open: number | null = null;
  for (const { index, segment } of segmenter.segment(unwrapped)) {
    const start: number = open ?? index;
    const end = index + segment.length;
    open = null;
    if (end - start < sentenceCharactersMin && end < text.length && !/\n\s*$/.test(segment)) open = start;
    else sentences.push(...cut(text, start, end));
  }
  if (open !== null) sentences.push(...cut(text, open, text.length));
  return sentences;
}

function cut(text: string, from: number, to: number): Sentence[] {
  const pieces: Sentence[] = [];
  for (let start = from; start < to; ) {
    let end = Math.min(to, start + sentenceCharactersMax);
    if (end < to) {
      const space = text.lastIndexOf(' ', end);
      if (space > start + sentenceCharactersMax / 2) end = space;
    }
    const piece = text.slice(start, end);
    const trimmed = piece.trim();
    const at = start + piece.indexOf(trimmed);
    if (trimmed) pieces.push({ start: at, end: at + trimmed.length, text: trimmed });
    start = end;
  }
  return pieces;
}
