/** Secrets of the local run: made once, kept in a file that only the owner can read. */
import { randomBytes } from 'node:crypto';
import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ServiceName, signersOf, usesStore } from '../../services/manifest.ts';
import { newPrivateKey } from './key-pair.ts';

/** 256 bits: what HMAC-SHA-256 can use in full. */
const random = () => randomBytes(32).toString('base64url');

export interface Secrets {
  readonly auth: string;
  /** Of the owner of the database. */
  readonly database: string;
  readonly redis: string;
  /** Of each tier's own role in the database. */
  readonly databasePasswords: Readonly<Partial<Record<ServiceName, string>>>;
  /** What each tier that calls others signs with. */
  readonly privateKeys: Readonly<Partial<Record<ServiceName, string>>>;
}

/**
 * Reads the secrets of a data folder, making those that are missing.
 *
 * @param services that are started
 * @throws Error when the file is there but not readable as JSON: it is never replaced, the database's password is in it.
 */
export async function openSecrets(folder: string, services: readonly ServiceName[]): Promise<Secrets> {
  const path = join(folder, 'secrets.json');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  const known = parse(text, path);
  const all = { ...known };
  const kept = (name: string, make: () => string): string => {
    all[name] ??= make();
    return all[name];
  };
  const each = (names: readonly ServiceName[], of: (name: ServiceName) => string) =>
    Object.fromEntries(names.map((name) => [name, of(name)]));
  const databaseUsers = services.filter((name) => usesStore(name, 'postgres'));
  const secrets: Secrets = {
    auth: kept('auth', random),
    database: kept('database', random),
    redis: kept('redis', random),
    databasePasswords: each(databaseUsers, (name) => kept(`database${capitalized(camelCase(name))}`, random)),
    privateKeys: each(signersOf(services), (name) => kept(`${camelCase(name)}Key`, newPrivateKey)),
  };
  if (Object.keys(all).some((name) => known[name] === undefined)) {
    await writeFile(`${path}.new`, `${JSON.stringify(all, null, 2)}\n`, { mode: 0o600 });
    await rename(`${path}.new`, path);
  }
  await chmod(path, 0o600);
  return secrets;
}

const capitalized = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
const camelCase = (name: string): string =>
  name
    .split('-')
    .map((word, index) => (index ? capitalized(word) : word))
    .join('');

function parse(text: string, path: string): Partial<Record<string, string>> {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(
      `${path} is not valid JSON; restore it from a backup, or start on a new folder: npm start -- --data DIR`,
    );
  }
}
