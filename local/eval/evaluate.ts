/** Asks every question of a set and says what became of it. */
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { cites, finds } from './matching.ts';
import type { EvalDocument, EvalQuestion } from './questions.ts';
import type { Outcome } from './report.ts';
import { type EvalService, fileBlob } from './service.ts';

/** hit@10 looks no further. */
const passagesMax = 10;

export interface EvaluateOptions {
  readonly service: EvalService;
  readonly brain: string;
  readonly questions: readonly EvalQuestion[];
  /** False: passages only. */
  readonly answers: boolean;
  readonly progress?: (done: number) => void;
}

/** One after the other, so that the times are those of a service that has room. */
export async function evaluate({ service, brain, questions, answers, progress }: EvaluateOptions): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const each of questions) {
    const { id, question, group, expected } = each;
    const found = await service.search(brain, question, passagesMax);
    const at = expected ? found.value.findIndex((passage) => finds(expected, passage)) : -1;
    const base = {
      id,
      question,
      group,
      answerable: expected !== null,
      rank: at < 0 ? null : at + 1,
      searchMs: found.ms,
    };
    outcomes.push(answers ? { ...base, answer: await answerOf(service, brain, each) } : base);
    progress?.(outcomes.length);
  }
  return outcomes;
}

async function answerOf(service: EvalService, brain: string, { question, expected }: EvalQuestion) {
  const { value, ms } = await service.ask(brain, question);
  const [first] = value.citations;
  return { refused: !value.answered, citedRight: !!expected && !!first && cites(expected, first), ms };
}

/** What the service takes. */
const endings = /\.(pdf|md|markdown|txt)$/i;
/** More at a time only wait in its queue. */
const uploadsAtATime = 4;

/** A new brain with these documents, read and searchable; whoever calls removes it. */
export async function fillBrain(
  service: EvalService,
  name: string,
  documents: readonly EvalDocument[] | string,
): Promise<string> {
  const files = typeof documents === 'string' ? await filesIn(documents) : documents;
  const brain = await service.makeBrain(name);
  try {
    const jobs: string[] = [];
    const waiting = [...files];
    const worker = async () => {
      for (let file = waiting.shift(); file; file = waiting.shift()) {
        const content = 'text' in file ? file.text : await fileBlob(file.path);
        jobs.push(await service.upload(brain, file.name, content));
      }
    };
    await Promise.all(Array.from({ length: uploadsAtATime }, worker));
    for (const job of jobs) await service.ready(job);
    return brain;
  } catch (error) {
    await service.removeBrain(brain).catch(() => {});
    throw error;
  }
}

async function filesIn(folder: string): Promise<{ name: string; path: string }[]> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => endings.test(name)).sort();
  if (names.length === 0) throw new Error(`${folder} holds no PDF, Markdown or text file.`);
  return names.map((name) => ({ name: basename(name), path: join(folder, name) }));
}
