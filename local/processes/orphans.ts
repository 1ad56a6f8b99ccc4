/**
 * Processes that a killed run left behind. Every child is written down with its start time; the next start ends those
 * that are still the same processes, and no other.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { signalGroup } from './child.ts';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';

interface Entry extends ProcessIdentity {
  readonly name: string;
}

/** Time to end by themselves: a tier drains for 10 s when its parent is gone (exit-with-parent.ts). */
const patienceMs = 11_000;

/** Ends what the last run left, politely first. @returns the names of those that were still alive */
export async function endOrphans(folder: string): Promise<string[]> {
  const entries = await read(folder);
  const alive = (await Promise.all(entries.map(async (entry) => ((await isAlive(entry)) ? entry : undefined)))).filter(
    (entry) => entry !== undefined,
  );
  // SIGINT is PostgreSQL's fast shutdown; the others take either for "stop".
  for (const { pid, name } of alive) signalGroup(pid, name === 'postgres' ? 'SIGINT' : 'SIGTERM');
  const deadlineMs = Date.now() + patienceMs;
  for (const entry of alive) {
    while (await isAlive(entry)) {
      if (Date.now() > deadlineMs) signalGroup(entry.pid, 'SIGKILL');
      await sleep(50);
    }
  }
  return alive.map(({ name }) => name);
}

export interface PidRegistry {
  /** Notes that `name` now runs as `pid`, or no more. */
  note(name: string, pid: number | undefined): void;
  /** Resolves when everything noted is written. */
  settled(): Promise<void>;
}

/** The list of the present run's children. */
export function openPidRegistry(folder: string): PidRegistry {
  const entries = new Map<string, Entry>();
  let writing = Promise.resolve();
  return {
    note: (name, pid) => {
      writing = writing
        .then(async () => {
          const identity = pid === undefined ? undefined : await identify(pid);
          if (identity) entries.set(name, { name, ...identity });
          else entries.delete(name);
          await writeFile(`${file(folder)}.new`, JSON.stringify([...entries.values()]), { mode: 0o600 });
          await rename(`${file(folder)}.new`, file(folder));
        })
        // A full disk must not end the run; at worst a later start finds a process that it does not know.
        .catch(() => {});
    },
    settled: () => writing,
  };
}

const file = (folder: string) => join(folder, 'processes.json');

async function read(folder: string): Promise<Entry[]> {
  try {
    const entries = JSON.parse(await readFile(file(folder), 'utf8')) as Entry[];
    return entries.filter(({ pid, started }) => Number.isInteger(pid) && pid > 1 && typeof started === 'string');
  } catch {
    return [];
  }
}
