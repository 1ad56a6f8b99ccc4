/** From the marks `[n]` in an answer to citations. Pure. */
import type { Citation } from '../../shared/contract/chat.ts';
import { sentencesOf } from '../../shared/sentences.ts';
import type { Quote } from './extractive.ts';
import type { Passage } from './passages.ts';
import { fold, questionTerms, termMatch } from './sentences.ts';

export interface MarkReader {
  /** Feeds the next text of the answer; returns citations of marks that it completes, each number once. */
  push(text: string): Citation[];
}

/** The longest mark read: `[1, 2, 3, 4, 5, 6, 7, 8]`. An opening bracket without an end costs no more. */
const markCharactersMax = 40;
const mark = /\[(\d{1,2}(?:\s*[,;]\s*\d{1,2})*)\]/g;
/** The claim before a mark: where a model's sentence ends is often unclear, so its last words. */
const claimCharacters = 240;

/** Only numbers of given passages become citations; any other mark stays text. */
export function createMarkReader(passages: readonly Passage[]): MarkReader {
  const known = new Map(passages.map((passage) => [passage.n, passage]));
  const cited = new Set<number>();
  let answer = '';
  let read = 0;
  return {
    push: (text) => {
      answer += text;
      const found: Citation[] = [];
      mark.lastIndex = read;
      for (let match = mark.exec(answer); match; match = mark.exec(answer)) {
        const claim = answer.slice(Math.max(0, match.index - claimCharacters), match.index);
        for (const number of (match[1] as string).split(/[,;]/)) {
          const passage = known.get(Number(number));
          if (!passage || cited.has(passage.n)) continue;
          cited.add(passage.n);
          found.push(cite(passage, claim));
        }
        read = mark.lastIndex;
      }
      read = Math.max(read, answer.length - markCharactersMax);
      return found;
    },
  };
}

/** The sentence of the passage that shares most words with the claim; the whole passage when none shares any. */
function cite(passage: Passage, claim: string): Citation {
  const terms = questionTerms(claim.replace(mark, ' '));
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
