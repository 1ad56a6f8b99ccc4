/**
 * A text, split over columns: a full-text index has one tokenizer, and a brain holds several languages. Words with stems
 * for those that have spaces; words of a dictionary and pairs of characters for those that have none. Pure.
 */

/** Every column of full text but `text` and `heading`, which stand as they were given. */
export interface SearchColumns {
  /** What is written without spaces, with the numbers and names in it. */
  readonly cjk_words: string;
  /** As {@link cjk_words}, with Korean, whose words carry endings. */
  readonly cjk_bigrams: string;
  /** What a tokenizer of words takes apart: `read.csv2`, `E1042`, `AB-12/7`. */
  readonly identifiers: string;
}

const unspaced = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}`;
const korean = String.raw`\p{Script=Hangul}`;
/**
 * A number or a name in a Chinese sentence helps to find it (1.5 points of hit@1 on XQuAD); an English paragraph beside
 * one would be an index of pairs of letters, which finds nothing.
 */
const otherCharsMax = 30;
const others = {
  cjk_words: `[^${unspaced}]{${otherCharsMax + 1},}`,
  cjk_bigrams: `[^${unspaced}${korean}]{${otherCharsMax + 1},}`,
};
const unspacedOnes = new RegExp(`[${unspaced}]`, 'u');
const cjk = new RegExp(`[${unspaced}${korean}]`, 'u');
const notUnspaced = new RegExp(others.cjk_words, 'gu');
const notCjk = new RegExp(others.cjk_bigrams, 'gu');

export function searchColumns(text: string): SearchColumns {
  return {
    cjk_words: unspacedOnes.test(text) ? text.replace(notUnspaced, ' ') : '',
    cjk_bigrams: cjk.test(text) ? text.replace(notCjk, ' ') : '',
    identifiers: identifiersOf(text),
  };
}

/** The same in SQL, for rows that were written before these columns: Rust's expressions know scripts by the same names. */
export const searchColumnsInSql: readonly { readonly name: keyof SearchColumns; readonly valueSql: string }[] = [
  { name: 'cjk_words', valueSql: `regexp_replace(text, '${others.cjk_words}', ' ', 'g')` },
  { name: 'cjk_bigrams', valueSql: `regexp_replace(text, '${others.cjk_bigrams}', ' ', 'g')` },
  // Their words are in 'text' too; only that they stand together is not known of old rows.
  { name: 'identifiers', valueSql: `''` },
];

/** Longer ones are hashes and addresses, which nobody types. */
export const identifierCharsMax = 64;
const candidate = /[A-Za-z0-9](?:[A-Za-z0-9._\-/:#@+]*[A-Za-z0-9])?/g;
const joined = /[A-Za-z0-9][._\-/:#@+]+[A-Za-z0-9]/;

function identifiersOf(text: string): string {
  const found = (text.match(candidate) ?? []).filter(
    (word) => word.length <= identifierCharsMax && (joined.test(word) || (/\d/.test(word) && /[A-Za-z]/.test(word))),
  );
  return found.join(' ');
}
