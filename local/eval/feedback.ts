/** Questions from thumbs: what was liked once is what later answers are held against. Pure. */
import type { EvalQuestion } from './questions.ts';
import type { Feedback } from './service.ts';

/** `unsolved`: disliked, so that nobody knows the right place yet. */
export function fromFeedback(rows: readonly Feedback[]): { questions: EvalQuestion[]; unsolved: string[] } {
  const questions: EvalQuestion[] = [];
  const unsolved: string[] = [];
  // Newest first: what was said last about a question holds.
  const newest = rows.filter((row, at) => rows.findIndex(({ question }) => question === row.question) === at);
  for (const { id, question, verdict, answered, citations } of newest) {
    const places = citations.filter(({ deleted }) => !deleted);
    if (verdict === 'down') unsolved.push(question);
    else if (answered === false) questions.push({ id, question, group: '', expected: null });
    // What it cited is gone: nothing can be held against it.
    else if (places.length > 0) questions.push({ id, question, group: '', expected: { places } });
  }
  return { questions, unsolved };
}
