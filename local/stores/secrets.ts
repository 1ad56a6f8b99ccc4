/** Secrets of the local run: made once, kept in a file that only the owner can read. */
import { randomBytes } from 'node:crypto';
import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newPrivateKey } from './key-pair.ts';

/** 256 bits: what HMAC-SHA-256 can use in full. */
const random = () => randomBytes(32).toString('base64url');

/** How each is made. */
const makers = {
  auth: random,
  database: random,
  databaseApi: random,
  databaseChat: random,
  databaseDocumentWorker: random,
  databaseVectorstore: random,
  redis: random,
  chatKey: newPrivateKey,
  documentWorkerKey: newPrivateKey,
} satisfies Record<string, () => string>;
const names = Object.keys(makers) as (keyof typeof makers)[];
export type Secrets = Readonly<Record<keyof typeof makers, string>>;

/**
 * Reads the secrets of a data folder, making those that are missing.
 *
 * @throws Error when the file is there but not readable as JSON: it is never replaced, the database's password is in it.
 */
export async function openSecrets(folder: string): Promise<Secrets> {
  const path = join(folder, 'secrets.json');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  const known = parse(text, path);
  const secrets = Object.fromEntries(names.map((name) => [name, known[name] ?? makers[name]()])) as Secrets;
  if (names.some((name) => known[name] === undefined)) {
    await writeFile(`${path}.new`, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
    await rename(`${path}.new`, path);
  }
  await chmod(path, 0o600);
  return secrets;
}

function parse(text: string, path: string): Partial<Record<string, string>> {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(
      `${path} is not valid JSON; restore it from a backup, or start on a new folder: npm start -- --data DIR`,
    );
  }
}
