/** Words that sentences share with a question, in Korean and English. Pure. */

/** Words of a question that sentences are compared with, in each of some hundred sentences: the longest, which are rarest. */
const termsMax = 32;
/** Longer runs are keys, hashes or somebody's tests; their first letters tell as much. */
const termLettersMax = 40;

/** Words of a question that an answer can contain. Question words and articles are left out; letters are folded. */
export function questionTerms(question: string): string[] {
  const words =
    fold(question).match(/[\p{Script=Hangul}]+|[\p{L}\p{M}\p{N}]+?(?=\p{Script=Hangul}|[^\p{L}\p{M}\p{N}]|$)/gu) ?? [];
  const terms = words
    .flatMap(unspacedWords)
    .filter((word) => !stopWords.has(word) && (word.length > 1 || /[\p{N}\p{Script=Han}]/u.test(word)));
  const distinct = [...new Set(terms.map((word) => word.slice(0, termLettersMax)))];
  if (distinct.length <= termsMax) return distinct;
  const kept = new Set(distinct.toSorted((a, b) => b.length - a.length).slice(0, termsMax));
  return distinct.filter((term) => kept.has(term));
}

const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
/** Particles and endings: は, です, ました. */
const endings = /^\p{Script=Hiragana}{1,4}$/u;
const wordSegmenter = new Intl.Segmenter('ja', { granularity: 'word' });
/** Longer than any sentence that asks something. */
const unspacedCharactersMax = 200;

/** Chinese, Japanese and Thai write a sentence as one word. */
function unspacedWords(word: string): string[] {
  if (!unspaced.test(word)) return [word];
  const parts = [...wordSegmenter.segment(word.slice(0, unspacedCharactersMax))].map(({ segment }) => segment);
  return parts.filter((part) => !endings.test(part));
}

export const fold = (text: string) => text.normalize('NFKC').toLowerCase();

/**
 * How much of a term stands in a folded text, 0 to 1. A Latin word may differ in its ending; of a Korean one the longest
 * beginning counts, because particles and endings follow the stem.
 */
export function termMatch(term: string, folded: string): number {
  if (hangul.test(term)) {
    for (let length = term.length; length >= 2; length--)
      if (folded.includes(term.slice(0, length))) return Math.min(1, length / Math.max(2, term.length - 1));
    return 0;
  }
  const stem = term.length > 4 ? term.replace(/(?:ing|ed|es|s|e)$/, '') : term;
  for (let at = folded.indexOf(stem); at >= 0; at = folded.indexOf(stem, at + 1))
    if (!wordLetter.test(folded[at - 1] ?? ' ') && endsSoon(folded, at + stem.length)) return 1;
  return 0;
}

const hangul = /^\p{Script=Hangul}/u;
const wordLetter = /[a-z0-9\u00df-\u024f]/;
/** "index", "indexes", "indexing", but not "indexation". */
const endsSoon = (text: string, from: number) => {
  let at = from;
  while (at < text.length && wordLetter.test(text[at] as string)) at += 1;
  return at - from <= 3;
};

const stopWords = new Set(
  (
    'a an and are as at be been but by can could did do does for from had has have he her his how i if in into is it its ' +
    'many me much my no not of on or our please she should so tell than that the their them there these they this to ' +
    'under us was we were what when where which who whom whose why will with would you your about explain describe ' +
    '무엇 무엇이 무엇을 무엇인가요 뭐 뭐가 뭐야 뭔가요 어떤 어떻게 어떻게해 언제 언제까지 어디 어디서 어디에 누가 누구 왜 얼마 얼마나 몇 ' +
    '알려줘 알려 주세요 알려주세요 설명해줘 설명해 말해줘 있나요 있어 있어요 있습니까 인가요 인가 하나요 하는 하려면 되나요 돼 해야 해줘 ' +
    '합니까 입니까 대해 대해서 관한 관해 관련 그리고 또는 이 그 저 것 수 좀 ' +
    '何 誰 幾 的 是 了 在 和 有 为 被 把 与 之 吗 呢 谁 哪 哪里 哪个 哪些 什么 多少 怎么 如何 为什么 何时 几 个 年'
  ).split(' '),
);
