/**
 * Gives the model's thread one small batch after the other. A question goes before documents: somebody waits for it.
 * Documents that wait together take turns, a batch each, so that a long one does not hold up the others.
 */
import { once } from 'node:events';
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Embedded } from './model.ts';
import type { Ready, Reply } from './worker.ts';

export interface Engine {
  /** @throws the signal's reason, or Error when the model fails */
  embed(texts: readonly string[], options: EmbedOptions): Promise<Embedded>;
  /** Rejects when the thread ended by itself: the process has no model any more. */
  readonly lost: Promise<never>;
  /** What waits and what is under way. */
  readonly waiting: { readonly questions: number; readonly documents: number };
  close(): Promise<void>;
}

export interface EmbedOptions {
  /** Before everything that is not. */
  readonly question: boolean;
  readonly signal: AbortSignal;
}

/** One batch: tens of milliseconds on one CPU, which is how long a question waits for documents. */
const batchTextsMax = 32;
/** Bounds its memory: 4,000 tokens of Chinese, 1,000 of English; 40 KB each while the model works. */
const batchCharactersMax = 4000;

interface Job {
  readonly texts: readonly string[];
  readonly signal: AbortSignal;
  readonly parts: Embedded[];
  next: number;
  readonly resolve: (embedded: Embedded) => void;
  readonly reject: (error: unknown) => void;
}

/** @param folder that holds the weights; they were checked @throws Error when the model cannot be loaded */
export async function startEngine(folder: string): Promise<Engine> {
  const worker = new Worker(workerModule, { workerData: { folder } });
  // A fault while loading is an 'error', which rejects this.
  const [_ready] = (await once(worker, 'message')) as [Ready];
  const questions: Job[] = [];
  const documents: Job[] = [];
  let closed = false;
  let wake = () => {};

  // Of the batch under way. Not a race with `lost`: that lives as long as the process, and would keep a piece of each batch.
  let asked: PromiseWithResolvers<Reply> | null = null;
  let ended: Error | null = null;
  worker.on('message', (reply: Reply) => asked?.resolve(reply));
  const lost = once(worker, 'exit').then(() => {
    ended = new Error('the thread of the model ended');
    asked?.reject(ended);
    throw ended;
  });
  // Whoever closes has no use for it.
  lost.catch(() => {});
  let fault: unknown;
  worker.on('error', (error) => {
    fault = error;
  });

  const ask = async (texts: readonly string[]): Promise<Embedded> => {
    if (ended) throw ended;
    asked = Promise.withResolvers<Reply>();
    worker.postMessage(texts);
    const reply = await asked.promise;
    if ('fault' in reply) throw new Error(`the model failed: ${reply.fault}`);
    return reply;
  };
  const step = async (queue: Job[]) => {
    const job = queue.shift() as Job;
    if (job.signal.aborted) return job.reject(job.signal.reason);
    const batch = nextBatch(job.texts, job.next);
    try {
      job.parts.push(await ask(batch));
    } catch (error) {
      return job.reject(fault ?? error);
    }
    job.next += batch.length;
    if (job.next < job.texts.length) queue.push(job);
    else job.resolve(joined(job.parts));
  };
  const run = async () => {
    while (!closed) {
      const queue = questions.length > 0 ? questions : documents;
      if (queue.length > 0) await step(queue);
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
    for (const { reject } of [...questions.splice(0), ...documents.splice(0)]) reject(new Error('the model is closed'));
  };
  void run();

  return {
    lost,
    get waiting() {
      return { questions: questions.length, documents: documents.length };
    },
    embed: (texts, { question, signal }) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(new Error('the model is closed'));
        (question ? questions : documents).push({ texts, signal, parts: [], next: 0, resolve, reject });
        wake();
      }),
    close: async () => {
      closed = true;
      wake();
      await worker.terminate();
    },
  };
}

const workerModule = join(import.meta.dirname, `worker${extname(import.meta.filename)}`);

/** At least one text, and as many more as are allowed together. */
export function nextBatch(texts: readonly string[], from: number): readonly string[] {
  let characters = 0;
  let to = from;
  while (to < texts.length && to - from < batchTextsMax) {
    characters += (texts[to] as string).length;
    if (to > from && characters > batchCharactersMax) break;
    to += 1;
  }
  return texts.slice(from, to);
}

function joined(parts: readonly Embedded[]): Embedded {
  const [first] = parts;
  if (first && parts.length === 1) return first;
  const vectors = new Float32Array(parts.reduce((sum, part) => sum + part.vectors.length, 0));
  let at = 0;
  for (const part of parts) {
    vectors.set(part.vectors, at);
    at += part.vectors.length;
  }
  return { vectors, tokens: parts.reduce((sum, { tokens }) => sum + tokens, 0) };
}
