/** What a bundle reads beside itself must be in its image: else it ends at its start, in its image alone. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { definitionOf, type ServiceName, serviceNames } from '../../../services/manifest.ts';
import { buildOf, bundle } from '../../../stacks/images/bundle.ts';

/** Sources that read files beside them, with the folder in the image that they read. */
const readers = {
  'services/shared/scheduler/script.ts': 'lua',
  'services/shared/postgres/migrate.ts': 'migrations',
} as const;

test.each(serviceNames.filter((name) => definitionOf(name).build))('%s has the files that it reads', async (name) => {
  const { files = {}, packages = [] } = buildOf(name as ServiceName);
  const outdir = await mkdtemp(join(tmpdir(), 'bulkhead-bundle-'));
  try {
    const sources = await bundle({ main: `services/${name}/main.ts` }, outdir, packages);
    const read = Object.entries(readers).flatMap(([source, folder]) => (sources.includes(source) ? [folder] : []));
    expect(Object.keys(files)).toEqual(expect.arrayContaining(read));
  } finally {
    await rm(outdir, { recursive: true });
  }
});
