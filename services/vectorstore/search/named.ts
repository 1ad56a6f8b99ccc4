/** Which passages stand in a section that a word of the question names: "What does split do?" asks for `split`. Pure. */
import { headingBreak } from '../../shared/contract/vectorstore.ts';

/**
 * Shared by the words of the question: of one that says little else, such as "What does split do?", the name decides; in
 * "How do I split a string at a comma?" it is one hint of many. On the R manual 12 raises hit@1 of "What does X do?" from
 * .895 to .980 and costs questions in other words .02; 20 would raise it to .995 and cost .04. Paragraphs without
 * headings (XQuAD) and Korean ones are ranked as before.
 */
const nameWeight = 12;

/** Around a word, not in it: `read.csv(` and `"read.csv"?` both ask for `read.csv`. */
const around = /^[^\p{L}\p{N}.]+|[^\p{L}\p{N}]+$/gu;

/**
 * @param query bounded by the caller
 * @returns what a passage under this heading gets on top of its score
 */
export function namingScore(query: string): (heading: string) => number {
  const asked = query.split(/\s+/).filter(Boolean);
  // As it is typed, since a name is one: `Leave` at the start of a heading is any word. One letter names nothing.
  const words = new Set(asked.map((word) => word.replace(around, '')).filter((word) => word.length > 1));
  return (heading) => {
    const named = heading.split(headingBreak).some((name) => words.has(/^\S*/.exec(name)?.[0] ?? ''));
    return named ? nameWeight / asked.length : 0;
  };
}
