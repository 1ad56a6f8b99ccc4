/**
 * Does a passage support a claim? A test of words and numbers, not of meaning: it finds citations of what the passage does
 * not talk about, and figures that do not stand there. Pure.
 *
 * - Numbers: a half of the figures in the claim stand in the passage, as figures or spelled out. The only one must.
 * - Words: a fifth of the claim's words stand in it, endings aside. Not compared between two languages, since an answer
 *   is in that of the question: told by their scripts and, for the Latin one, by their commonest words.
 * - A claim of fewer than three words ("Yes") tells nothing, so only its numbers count.
 */
import { figuresOf, numbersOf } from './numbers.ts';
import { fold, questionTerms, termMatch } from './sentences.ts';

const numbersMin = 0.5;
const wordsMin = 0.2;
const testableWordsMin = 3;

export function supports(passage: string, claim: string): boolean {
  const numbers = figuresOf(claim);
  if (numbers.size > 0) {
    const there = numbersOf(passage);
    const found = [...numbers].filter((number) => there.has(number)).length;
    if (found / numbers.size < numbersMin) return false;
  }
  const words = questionTerms(claim).filter((word) => !/^\p{N}+$/u.test(word));
  if (words.length < testableWordsMin || !comparable(claim, passage)) return true;
  const folded = fold(passage);
  return words.reduce((sum, word) => sum + termMatch(word, folded), 0) / words.length >= wordsMin;
}

const scripts = [
  /\p{Script=Hangul}/gu,
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/gu,
  /\p{Script=Latin}/gu,
  /\p{Script=Cyrillic}/gu,
  /\p{Script=Arabic}/gu,
  /\p{Script=Greek}/gu,
];
/** Which of them most letters belong to. */
function scriptOf(text: string): number {
  const counts = scripts.map((script) => text.match(script)?.length ?? 0);
  return counts.indexOf(Math.max(...counts));
}

const latin = scripts.findIndex((script) => script.source.includes('Latin'));

/** Words that no few lines of a language are without; of those that share the Latin script and are asked in most. */
const commonWords = [
  'the and of to is are that for with this from by',
  'der die das und ist nicht ein eine für mit von den dem',
  'le la les des et est une pour dans que du sur',
  'el los las es una para que por con del se',
  'il gli che è una per con di sono della nel',
  'o os um uma não para com que do da em',
  'de het een en van niet is voor dat op',
].map((words) => new Set(words.split(' ')));

/** The one with most of its words in the text; -1: none has any. */
function languageOf(text: string): number {
  const words = fold(text).match(/\p{L}+/gu) ?? [];
  const counts = commonWords.map((common) => words.filter((word) => common.has(word)).length);
  const most = Math.max(...counts);
  return most === 0 ? -1 : counts.indexOf(most);
}

function comparable(claim: string, passage: string): boolean {
  const script = scriptOf(claim);
  if (script !== scriptOf(passage)) return false;
  if (script !== latin) return true;
  const languages = [languageOf(claim), languageOf(passage)];
  return languages.includes(-1) || languages[0] === languages[1];
}
