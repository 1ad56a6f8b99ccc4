/** A language model in a process of its own, as slow as told. */
import type { EnvironmentInput } from '../../../environments/environment.ts';
import { modelHere, startModelServer, trickles } from '../../services/chat/models/model-server.ts';
import { said, startAside } from './process.ts';

export interface Pace {
  /** Of an answer. */
  readonly words: number;
  readonly wordsPerSecond: number;
  /** Until the first one. @default 0 */
  readonly firstWordMs?: number;
}

/** Answers of 12 s, those of the seed's service. */
export const slow: Pace = { words: 240, wordsPerSecond: 20 };
/** Answers that are over before the next request. */
export const fast: Pace = { words: 40, wordsPerSecond: 400 };

/** In a question: the model answers with one word. */
export const inAWord = ', in a word';

/** The environment with that model, while `use` runs. */
export async function withModel<Result>(
  environment: EnvironmentInput,
  { words, wordsPerSecond, firstWordMs = 0 }: Pace,
  use: (environment: EnvironmentInput) => Promise<Result>,
): Promise<Result> {
  const child = startAside(import.meta.filename, String(words), String(wordsPerSecond), String(firstWordMs));
  try {
    return await use({ ...environment, chatModel: modelHere(await said(child)) });
  } finally {
    // Also when the bench fails: it would wait for this process for ever.
    child.kill('SIGTERM');
  }
}

if (import.meta.main && process.send) {
  const [words, wordsPerSecond, firstWordMs] = process.argv.slice(2).map(Number) as [number, number, number];
  const server = await startModelServer('0.0.0.0');
  server.behave((stream, request) => {
    const short = request.messages.at(-1)?.content.includes(inAWord);
    return trickles(short ? 1 : words, 1000 / wordsPerSecond, firstWordMs)(stream, request);
  });
  process.send(server.port);
  process.once('disconnect', () => process.exit(0));
}
