/** Writes an environment's compose file, and the `.env` beside it that holds what only this machine knows. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type Environment, placedServices } from '../../environments/environment.ts';
import { type ServiceName, type SettingName, serviceNames, signersOf, usesStore } from '../../services/manifest.ts';
import { newPrivateKey, publicKeys } from '../stores/key-pair.ts';
import { composeOf, databasePasswordVariable, privateKeyVariable } from './compose.ts';
import { sustainedCpus } from './cpus.ts';
import { renderCompose, renderEnv } from './render.ts';

export interface ComposeFolder {
  readonly environment: Environment;
  readonly folder: string;
  /** Port of the gateway on this machine. */
  readonly port: number;
  /** Images of the stores. @default the public ones */
  readonly stores?: { readonly postgres: string; readonly redis: string };
  /** Settings that pass through from the outer environment, with their values. @default none */
  readonly passed?: Partial<Record<SettingName, string>>;
}

/** 256 bits: what HMAC-SHA-256 can use in full. */
const random = () => randomBytes(32).toString('base64url');

/** What stands in `.env` and in no other file; what is there already stays. */
export function composeSecrets(
  before: Partial<Record<string, string>> = {},
  placed: readonly ServiceName[] = serviceNames,
): Record<string, string> {
  const kept = (name: string, make: () => string): [string, string] => [name, before[name] ?? make()];
  const passwords = [
    'POSTGRES_PASSWORD',
    'REDIS_PASSWORD',
    'AUTH_SECRET',
    ...placed.filter((name) => usesStore(name, 'postgres')).map(databasePasswordVariable),
  ].map((name) => kept(name, random));
  const keys = signersOf(placed).map((caller) => [caller, kept(privateKeyVariable(caller), newPrivateKey)] as const);
  return {
    ...Object.fromEntries([...passwords, ...keys.map(([, pair]) => pair)]),
    SERVICE_TOKEN_PUBLIC_KEYS: publicKeys(Object.fromEntries(keys.map(([caller, [, key]]) => [caller, key]))),
  };
}

/** @returns path of the compose file. Secrets that are there already stay: the database keeps its password. */
export async function writeCompose({ environment, folder, port, stores, passed = {} }: ComposeFolder): Promise<string> {
  await mkdir(folder, { recursive: true });
  const envPath = join(folder, '.env');
  const before = parseEnv(await readFile(envPath, 'utf8').catch(() => ''));
  const values = {
    PORT: String(port),
    // An https address was written there for a proxy before this machine.
    PUBLIC_URL: before.PUBLIC_URL?.startsWith('https:') ? before.PUBLIC_URL : `http://localhost:${port}`,
    SUSTAINED_CPUS: sustainedCpus(environment, availableParallelism()),
    ...(stores && { POSTGRES_IMAGE: stores.postgres, REDIS_IMAGE: stores.redis }),
    ...composeSecrets(before, placedServices(environment)),
    ...passed,
  };
  await writeFile(envPath, renderEnv(values), { mode: 0o600 });
  const path = join(folder, 'compose.yaml');
  await writeFile(path, renderCompose(composeOf(environment, Object.keys(passed) as SettingName[]), environment));
  return path;
}

function parseEnv(text: string): Partial<Record<string, string>> {
  return Object.fromEntries([...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
}
