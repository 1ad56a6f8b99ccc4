/** Whether what was found lies where the answer stands. Pure. */
import type { Expected } from './questions.ts';

/** A passage or a citation. */
export interface Found {
  readonly document_name: string;
  readonly page_number: number;
  readonly text: string;
}

/** A passage must hold the answer, where it is given. */
export const finds = (expected: Expected, found: Found): boolean =>
  cites(expected, found) && (!('pages' in expected) || bare(found.text).includes(bare(expected.answer)));

/** A citation, a sentence of a passage, must be from the right page or paragraph. */
export function cites(expected: Expected, { document_name, page_number, text }: Found): boolean {
  if ('places' in expected)
    return expected.places.some((place) => place.page_number === page_number && place.document_name === document_name);
  if ('pages' in expected)
    return expected.pages.includes(page_number) && (!expected.document || sameName(expected.document, document_name));
  const passage = bare(text);
  const paragraph = bare(expected.paragraph);
  if (passage === '') return false;
  if (paragraph.includes(passage) || passage.includes(paragraph)) return true;
  // A passage over the border of two paragraphs: it must hold an answer with what stands around it.
  return expected.answers.some((answer) =>
    surroundings(paragraph, bare(answer)).some((part) => passage.includes(part)),
  );
}

/** Enough to tell this place from another that says the same words. */
const aroundCharacters = 20;

function surroundings(paragraph: string, answer: string): string[] {
  const parts: string[] = [];
  for (let at = paragraph.indexOf(answer); answer && at >= 0; at = paragraph.indexOf(answer, at + 1))
    parts.push(paragraph.slice(Math.max(0, at - aroundCharacters), at + answer.length + aroundCharacters));
  return parts;
}

/** Parsers change white space, and some how characters are composed. */
const bare = (text: string) => text.normalize('NFKC').replaceAll(/\s+/g, '').toLowerCase();

/** As people name a document: with or without its folder, ending or capitals. */
const sameName = (a: string, b: string) => nameOf(a) === nameOf(b);
const nameOf = (name: string) =>
  name
    .normalize('NFC')
    .toLowerCase()
    .replace(/^.*[/\\]/, '')
    .replace(/\.[a-z0-9]{1,5}$/, '');
