/**
 * A load as a process of its own: what it computes must not delay the probes of the process that measures.
 * `node generator.ts KIND WIDTH SUBJECT`; ends on SIGTERM and says how many calls were done.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { ask, askers, callers, listBrains, type Subject, search } from './calls.ts';
import { saturate } from './probe.ts';

const kinds = { api: listBrains, chat: ask, vectorstore: search } as const;
export type LoadKind = keyof typeof kinds;

export interface Load {
  stop(): Promise<{ readonly done: number }>;
}

/** Keeps `width` calls in flight until stopped. */
export async function startLoad(kind: LoadKind, width: number, subject: Subject): Promise<Load> {
  const program = [import.meta.filename, kind, String(width), JSON.stringify(subject)];
  // Who asks is not what is measured. The last CPU is one of those that sustained tiers use, so what they compete with is
  // the load's own target; there the kernel takes the CPU away from the load as soon as anybody wants it.
  const last = String(availableParallelism() - 1);
  const child = spawn('taskset', ['--cpu-list', last, 'chrt', '--idle', '0', process.execPath, ...program], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await saying(child);
  return {
    stop: async () => {
      child.kill('SIGTERM');
      return { done: await saying(child) };
    },
  };
}

async function saying(child: ChildProcess): Promise<number> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the load ended by itself, code ${code}`);
  });
  ended.catch(() => {});
  const [done] = await Promise.race([once(child, 'message'), ended]);
  return done;
}

if (import.meta.main && process.send) {
  const [kind, width, subject] = process.argv.slice(2) as [LoadKind, string, string];
  const parsed: Subject = JSON.parse(subject);
  const each = { chat: askers, api: callers, vectorstore: undefined }[kind];
  const subjects = (await each?.(parsed, Number(width))) ?? [];
  const load = saturate(Number(width), (caller) => kinds[kind](subjects[caller] ?? parsed));
  process.send(0);
  process.once('SIGTERM', async () => {
    const { done } = await load.stop();
    process.send?.(done, () => process.exit(0));
  });
  process.once('disconnect', () => process.exit(1));
}
