/** Where everything of a deployment lies: its layout, its version, and what must hold before it is used. */
import { mkdir, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** Version of the layout below. Raised when an older program could not use the folder any more. */
export const dataFormat = 1;

/**
 * PostgreSQL stops hard when it cannot write its log (256 MiB, postgres.ts), and beside it one largest upload (100 MiB)
 * with its page results and vectors must fit.
 */
export const freeBytesMin = 512 * 1024 * 1024;

export interface DataFolder {
  readonly path: string;
  readonly postgres: string;
  readonly documents: string;
  readonly logs: string;
}

export type FreeBytes = (path: string) => Promise<number>;

/**
 * Makes the folder if it is missing and checks that it can be used.
 *
 * @throws Error when it cannot be written or its disk is nearly full: what was found, what is needed, what to do.
 */
export async function openDataFolder(given: string, freeBytes: FreeBytes = freeBytesOf): Promise<DataFolder> {
  const path = resolve(given);
  const folder = {
    path,
    postgres: join(path, 'postgres'),
    documents: join(path, 'documents'),
    logs: join(path, 'logs'),
  };
  try {
    // 0711: the user that PostgreSQL runs as must pass through it when this program runs as root; it can list nothing.
    await mkdir(path, { recursive: true, mode: 0o711 });
    const probe = join(path, `.write-${process.pid}`);
    await writeFile(probe, '');
    await rm(probe);
    await Promise.all([folder.documents, folder.logs].map((each) => mkdir(each, { recursive: true, mode: 0o700 })));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      `the data folder ${path} cannot be written (${code}); make it writable for this user, or choose another: npm start -- --data DIR`,
      { cause: error },
    );
  }
  const free = await freeBytes(path);
  if (free < freeBytesMin)
    throw new Error(
      `the disk of ${path} has ${mebibytes(free)} MiB free, ${mebibytes(freeBytesMin)} MiB are needed (the database stops hard on a full disk); free some, or choose another disk: npm start -- --data DIR`,
    );
  return folder;
}

/**
 * Checks that this program can use what lies in the folder, and marks a new one.
 *
 * @param postgresMajor major version of the PostgreSQL at hand: it opens data of the same one only
 * @throws Error for a newer or unknown format and for another PostgreSQL: what was found and what to do.
 */
export async function checkVersion({ path }: DataFolder, postgresMajor: number): Promise<void> {
  const file = join(path, 'version.json');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) {
    if ((await readdir(path)).includes('postgres'))
      throw new Error(`${path} holds a database but no version.json; ${elsewhere}`);
    await writeFile(file, `${JSON.stringify({ format: dataFormat, postgresMajor })}\n`);
    return;
  }
  const problem = versionProblem(text, postgresMajor);
  if (problem) throw new Error(`${path} ${problem}`);
}

const elsewhere = 'it was not made by this program: choose another folder: npm start -- --data DIR';

/** Why this program cannot use a folder with this `version.json`; `undefined` when it can. */
export function versionProblem(text: string, postgresMajor: number): string | undefined {
  let found: { format?: unknown; postgresMajor?: unknown };
  try {
    found = JSON.parse(text) as typeof found;
  } catch {
    return `has an unreadable version.json; ${elsewhere}`;
  }
  if (typeof found?.format !== 'number' || found.format < 1) return `has an unknown format; ${elsewhere}`;
  if (found.format > dataFormat)
    return `has format ${found.format}, this program knows up to ${dataFormat}: it was written by a newer version. Use that version, or choose another folder: npm start -- --data DIR`;
  if (found.postgresMajor !== postgresMajor)
    return `was written by PostgreSQL ${String(found.postgresMajor)}, this program brings ${postgresMajor}, which cannot open it. Use the version that wrote it to export your documents, or choose another folder: npm start -- --data DIR`;
  return undefined;
}

const mebibytes = (bytes: number) => Math.floor(bytes / 1024 / 1024);

async function freeBytesOf(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}
