/**
 * A load as a process of its own. `node generator.ts KIND WIDTH SUBJECT`; ends on SIGTERM and says how many calls were
 * done.
 */
import { ask, callers, chatUsers, listBrains, type Subject, search } from './calls.ts';
import { saturate } from './probe.ts';
import { said, startAside } from './process.ts';

const kinds = { api: listBrains, chat: ask, vectorstore: search } as const;
export type LoadKind = keyof typeof kinds;

export interface Load {
  /** Calls so far. */
  done(): Promise<number>;
  stop(): Promise<{ readonly done: number }>;
}

/** Keeps `width` calls in flight until stopped. */
export async function startLoad(kind: LoadKind, width: number, subject: Subject): Promise<Load> {
  const child = startAside(import.meta.filename, kind, String(width), JSON.stringify(subject));
  await said(child);
  return {
    done: async () => {
      child.send('done');
      return said(child);
    },
    stop: async () => {
      child.kill('SIGTERM');
      return { done: await said(child) };
    },
  };
}

if (import.meta.main && process.send) {
  const [kind, width, subject] = process.argv.slice(2) as [LoadKind, string, string];
  const parsed: Subject = JSON.parse(subject);
  const each = { chat: chatUsers, api: callers, vectorstore: undefined }[kind];
  const subjects = (await each?.(parsed, Number(width))) ?? [];
  const load = saturate(Number(width), (caller) => kinds[kind](subjects[caller] ?? parsed));
  process.send(0);
  process.on('message', () => process.send?.(load.done()));
  process.once('SIGTERM', async () => {
    const { done } = await load.stop();
    process.send?.(done, () => process.exit(0));
  });
  process.once('disconnect', () => process.exit(1));
}
