/** From the marks `[n]` in an answer to citations. Pure. */
import type { Citation } from '../../shared/contract/chat.ts';
import { sentencesOf } from '../../shared/sentences.ts';
import type { Quote } from './extractive.ts';
import type { Passage } from './passages.ts';
import { fold, questionTerms, termMatch } from './sentences.ts';
import { supports } from './support.ts';

export interface Read {
  /** What may be shown: marks whose passage does not support the claim are left out. */
  readonly text: string;
  /** Each number once. */
  readonly citations: readonly Citation[];
}

export interface MarkReader {
  /** Feeds the next text of the answer. The beginning of a mark is held back until it is whole. */
  push(text: string): Read;
  /** What was held back. */
  end(): Read;
  /** Marks of passages that do not support their claim. */
  readonly dropped: number;
}

/** The longest mark read: `[1, 2, 3, 4, 5, 6, 7, 8]`. An opening bracket without an end costs no more. */
const markCharactersMax = 40;
const mark = /\[(\d{1,2}(?:\s*[,;]\s*\d{1,2})*)\]/g;
/** A mark that may go on, with the space before it. */
const unfinished = /[^\S\n]?(?:\[[\d\s,;]*)?$/;
/** The claim before a mark: where a model's sentence ends is often unclear, so its last words. */
const claimCharacters = 240;

/** Only numbers of given passages become citations; any other mark stays text. */
export function createMarkReader(passages: readonly Passage[]): MarkReader {
  const known = new Map(passages.map((passage) => [passage.n, passage]));
  const cited = new Set<number>();
  /** The last words, without marks. */
  let claim = '';
  /** Those since the last mark. */
  let since = '';
  /** What the last mark was tested with: `[1][2]` cites one claim twice. */
  let tested = '';
  let waiting = '';
  let dropped = 0;

  const say = (text: string) => {
    claim = (claim + text).slice(-claimCharacters);
    since = (since + text).slice(-claimCharacters);
    return text;
  };

  const readMark = (whole: string, space: string, numbers: string, citations: Citation[]): string => {
    const given = numbers.split(/[,;]/).map((number) => number.trim());
    if (says.test(since)) tested = sentencesOf(since).at(-1)?.text ?? since;
    const kept = given.filter((number) => {
      const passage = known.get(Number(number));
      if (!passage) return true;
      if (!supports(passage.heading ? `${passage.heading}\n${passage.text}` : passage.text, tested)) {
        dropped += 1;
        return false;
      }
      if (!cited.has(passage.n)) citations.push(cite(passage, claim));
      cited.add(passage.n);
      return true;
    });
    claim += ' ';
    since = '';
    if (kept.length === given.length) return whole;
    return kept.length > 0 ? `${space}[${kept.join(', ')}]` : '';
  };

  const read = (text: string): Read => {
    const citations: Citation[] = [];
    let shown = '';
    let from = 0;
    for (const match of text.matchAll(markWithSpace)) {
      shown += say(text.slice(from, match.index));
      shown += readMark(match[0], match[1] as string, match[2] as string, citations);
      from = match.index + match[0].length;
    }
    shown += say(text.slice(from));
    return { text: shown, citations };
  };

  return {
    push: (text) => {
      const all = waiting + text;
      const at = all.search(unfinished);
      const held = all.length - at > markCharactersMax ? all.length : at;
      waiting = all.slice(held);
      return read(all.slice(0, held));
    },
    end: () => {
      const rest = waiting;
      waiting = '';
      return read(rest);
    },
    get dropped() {
      return dropped;
    },
  };
}

const markWithSpace = new RegExp(`([^\\S\\n]?)${mark.source}`, 'g');

/** More than the "and" or the comma between two marks. */
const says = /\p{N}|\p{L}{4}|[\p{Script=Han}\p{Script=Hangul}]{2}/u;

/** The sentence of the passage that shares most words with the claim; the whole passage when none shares any. */
function cite(passage: Passage, claim: string): Citation {
  const terms = questionTerms(claim);
  let best = { shared: 0, start: 0, text: passage.text };
  for (const { start, text } of sentencesOf(passage.text)) {
    const folded = fold(text);
    const shared = terms.reduce((sum, term) => sum + termMatch(term, folded), 0);
    if (shared > best.shared) best = { shared, start, text };
  }
  return toCitation(passage.n, passage, passage.start + best.start, best.text);
}

export function quoteCitation(n: number, { passage, start, text }: Quote): Citation {
  return toCitation(n, passage, start, text);
}

function toCitation(n: number, passage: Passage, start: number, quote: string): Citation {
  return {
    n,
    document_id: passage.documentId,
    document_name: passage.documentName,
    page_number: passage.pageNumber,
    start,
    end: start + quote.length,
    quote,
  };
}
