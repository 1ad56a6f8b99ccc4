/**
 * One deployment per data folder. The lock is a file that names the process holding it; it is taken only when that process
 * is gone, so a crash or a power cut never needs a hand.
 */
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';

interface Holder extends ProcessIdentity {
  readonly url: string;
}

export interface Lock {
  /** The holder whose lock was found left behind and taken over. */
  readonly recovered?: { readonly pid: number };
  /** Writes down where the deployment answers, for the message of a second start. */
  publish(url: string): Promise<void>;
  release(): Promise<void>;
}

/** @throws Error when another deployment runs on this folder: names it and says what to do. */
export async function lockFolder(folder: string): Promise<Lock> {
  const path = join(folder, 'deployment.lock');
  const self = await identify(process.pid);
  if (self === undefined) throw new Error('cannot read the start time of this process');
  let recovered: Lock['recovered'];
  // Twice: the second time after a stale lock is out of the way.
  while (!(await create(path, { ...self, url: '' }))) {
    const holder = await read(path);
    if (holder && (await isAlive(holder))) throw new Error(alreadyRunning(folder, holder));
    recovered = { pid: holder?.pid ?? 0 };
    await removeStale(path, holder);
  }
  return {
    ...(recovered && { recovered }),
    publish: async (url) => replace(path, { ...self, url }),
    release: async () => {
      const holder = await read(path);
      if (holder?.pid === self.pid && holder.started === self.started) await rm(path, { force: true });
    },
  };
}

function alreadyRunning(folder: string, { pid, url }: Holder): string {
  const where = url ? `at ${url}` : 'and is still starting';
  return `already running ${where} (process ${pid}) on ${folder}; use that one, stop it with: kill ${pid}, or give this one its own folder: npm start -- --data DIR --port N`;
}

/** Written aside and linked into place, so that nobody ever reads half a lock. */
async function create(path: string, holder: Holder): Promise<boolean> {
  const own = `${path}.${randomUUID()}`;
  await writeFile(own, JSON.stringify(holder), { mode: 0o600 });
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    await rm(own, { force: true });
  }
}

/** Moved away before it is deleted: of two starts at once only one moves this very lock, the other gives it back. */
async function removeStale(path: string, stale: Holder | undefined): Promise<void> {
  const aside = `${path}.stale.${randomUUID()}`;
  await rename(path, aside).catch(() => undefined);
  const moved = await read(aside);
  if (moved && (moved.pid !== stale?.pid || moved.started !== stale.started)) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

async function replace(path: string, holder: Holder): Promise<void> {
  const next = `${path}.${randomUUID()}`;
  await writeFile(next, JSON.stringify(holder), { mode: 0o600 });
  await rename(next, path);
}

async function read(path: string): Promise<Holder | undefined> {
  try {
    const { pid, started, url } = JSON.parse(await readFile(path, 'utf8'));
    return { pid: Number(pid), started: String(started), url: String(url ?? '') };
  } catch {
    return undefined;
  }
}
