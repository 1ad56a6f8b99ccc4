/** How long answers take, whoever asked: until the first word, and until the end of those that came to it. */
import type { Durations } from '../../shared/figures/durations.ts';
import type { Answerer } from './answerer.ts';

export function timed(
  answerer: Answerer,
  { firstToken, fullAnswer }: { readonly firstToken: Durations; readonly fullAnswer: Durations },
): Answerer {
  return {
    ...answerer,
    answer: async function* (question, tokenUsage, signal) {
      const startedMs = performance.now();
      const seconds = () => (performance.now() - startedMs) / 1000;
      let words = false;
      for await (const part of answerer.answer(question, tokenUsage, signal)) {
        if ('text' in part && !words) {
          words = true;
          firstToken.observe(seconds());
        }
        yield part;
      }
      fullAnswer.observe(seconds());
    },
  };
}
