/**
 * PostgreSQL refuses to run as root. Started by root (a container, a CI job), this program runs it as another user that
 * the system already has; nothing is added to the system.
 */
import { execFile } from 'node:child_process';
import { chown, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

/** How to start a program for an {@link UserIds}: in front of its own command and arguments. */
export interface RunAs {
  readonly user: UserIds | undefined;
  readonly prefix: readonly string[];
}

/**
 * Decides who runs PostgreSQL.
 *
 * @param paths what that user must be able to reach: the program and the data
 * @throws Error when root started this and no way is left: what stands in the way and what to do
 */
export async function whoRuns(paths: readonly string[]): Promise<RunAs> {
  if (process.getuid?.() !== 0) return { user: undefined, prefix: [] };
  const user = (await lookUp('postgres')) ?? (await lookUp('nobody'));
  if (user === undefined)
    throw new Error(
      "PostgreSQL refuses to run as root and this system has no user 'postgres' or 'nobody'; run npm start as an ordinary user",
    );
  const closed = (await Promise.all(paths.map((path) => closedTo(user, path)))).find((path) => path !== undefined);
  if (closed === undefined) return { user, prefix: [] };
  // A clone in root's home or in a `mktemp -d` folder: the user may not pass through it. setpriv (util-linux) keeps the
  // one capability that does, and PostgreSQL still sees an ordinary user.
  const prefix = ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
  const capable = [...prefix, '--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  const works = await promisify(execFile)('setpriv', [...capable.slice(1), 'ls', '-d', `${closed}/.`]).then(
    () => true,
    () => false,
  );
  if (works) return { user, prefix: capable };
  throw new Error(
    `PostgreSQL refuses to run as root, and the user with id ${user.uid} that would run it cannot enter ${closed}; allow that with: chmod o+x ${closed}, or run npm start as an ordinary user`,
  );
}

/** Makes a folder that belongs to whoever runs PostgreSQL. */
export async function ownFolder(path: string, { user }: RunAs): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  if (user) await chown(path, user.uid, user.gid);
}

/** Wraps a command so that it runs as decided. */
export function runAs({ user, prefix }: RunAs, command: string, args: readonly string[]) {
  const [first, ...rest] = prefix;
  if (first !== undefined) return { command: first, args: [...rest, command, ...args] };
  return { command, args: [...args], ...user };
}

/** The nearest folder above `path` that a user cannot pass through, by its mode bits. */
async function closedTo({ uid, gid }: UserIds, path: string): Promise<string | undefined> {
  let closed: string | undefined;
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const found = await stat(folder).catch(() => undefined);
    if (found) {
      const bit = found.uid === uid ? 0o100 : found.gid === gid ? 0o010 : 0o001;
      if ((found.mode & bit) === 0) closed = folder;
    }
    if (folder === dirname(folder)) return closed;
  }
}

async function lookUp(name: string): Promise<UserIds | undefined> {
  try {
    const id = async (flag: string) => Number((await promisify(execFile)('id', [flag, name])).stdout);
    const [uid, gid] = [await id('-u'), await id('-g')];
    return uid > 0 ? { uid, gid } : undefined;
  } catch {
    return undefined;
  }
}
