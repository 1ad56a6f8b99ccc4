/** Whether a folder holds the weights as the service reads them. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { preparedFiles } from './artefact.ts';

export interface Expected {
  readonly bytes: number;
  readonly sha256: string;
}

/** What is wrong with a file; null when it is the expected one. */
export async function faultOf(path: string, expected: Expected): Promise<string | null> {
  const found = await stat(path).catch(() => null);
  if (!found) return `there is no ${path}`;
  if (found.size !== expected.bytes) return `${path} has ${found.size} bytes, allowed are ${expected.bytes}`;
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  const sha256 = hash.digest('hex');
  return sha256 === expected.sha256 ? null : `${path} has SHA-256 ${sha256}, allowed is ${expected.sha256}`;
}

/** @returns what is wrong with the weights in a folder, or null */
export async function faultOfWeights(folder: string): Promise<string | null> {
  for (const { name, ...expected } of preparedFiles) {
    const fault = await faultOf(join(folder, name), expected);
    if (fault) return fault;
  }
  return null;
}
