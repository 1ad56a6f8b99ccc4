/** `environments/secrets.<env>.json`, which `npm run rotate` writes. Absent: no secret was rotated. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { type SecretVersions, secretVersionsSchema } from '../../environments/schema/secret-versions.ts';

const fileOf = (environment: string): URL => new URL(`../../environments/secrets.${environment}.json`, import.meta.url);

/** @throws Error naming the file and every fault in it. */
export function readSecretVersions(environment: string): SecretVersions {
  const file = fileOf(environment);
  if (!existsSync(file)) return {};
  const result = secretVersionsSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (result.success) return result.data;
  throw new Error(`secrets.${environment}.json is not valid:\n${z.prettifyError(result.error)}`);
}

export const writeSecretVersions = (environment: string, versions: SecretVersions): void =>
  writeFileSync(fileOf(environment), `${JSON.stringify(versions, undefined, 2)}\n`);
