/** Copies an npm package into an image, its native code without debug symbols. */
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { projectFolder, run, works } from './run.ts';

export type Architecture = 'x64' | 'arm64';

const strippers: Readonly<Record<Architecture, readonly string[]>> = {
  x64: [process.arch === 'x64' ? 'strip' : 'x86_64-linux-gnu-strip', 'llvm-strip'],
  arm64: [process.arch === 'arm64' ? 'strip' : 'aarch64-linux-gnu-strip', 'llvm-strip'],
};

/** What a program never reads at run time. */
const idle = /\.(md|map|d\.ts|d\.cts|ts|html)$/;

/** Folders of a package that brings native code for every system. */
const foreign = (architecture: Architecture) =>
  architecture === 'x64' ? /\/(win32|darwin|linux\/arm64)(\/|$)/ : /\/(win32|darwin|linux\/x64)(\/|$)/;

/** @param name with `{arch}` where the processor stands */
export async function copyPackage(name: string, architecture: Architecture, modules: string): Promise<void> {
  const real = name.replace('{arch}', architecture);
  const target = join(modules, real);
  const installed = packageFolder(real);
  const from = installed ?? (await fetched(real));
  const others = foreign(architecture);
  const wanted = (path: string) => !idle.test(path) && !others.test(path);
  await cp(from, target, { recursive: true, filter: (path) => wanted(path.slice(from.length)) });
  if (from !== installed) await rm(from, { recursive: true, force: true });
  for (const file of await readdir(target, { recursive: true }))
    if (file.endsWith('.node')) await strip(join(target, file), architecture);
}

/** Removes symbols that only a debugger reads: 31 MB of LanceDB, 16 MB of Node. */
export async function strip(path: string, architecture: Architecture): Promise<void> {
  for (const stripper of strippers[architecture]) if (await works(stripper, ['--strip-unneeded', path])) return;
  console.warn(
    `not stripped: ${path}; for a smaller image: apt-get install binutils (or llvm for a foreign processor)`,
  );
}

function packageFolder(name: string): string | undefined {
  try {
    return dirname(createRequire(join(projectFolder, 'package.json')).resolve(`${name}/package.json`));
  } catch {
    // Packages whose `exports` hide package.json, and those of another processor.
    return createRequire(join(projectFolder, 'package.json'))
      .resolve.paths(name)
      ?.map((folder) => join(folder, name))
      .find((folder) => folder.startsWith(projectFolder) && existsSync(join(folder, 'package.json')));
  }
}

/** Another processor's package is not installed here; npm brings it in the version of the lock file. */
async function fetched(name: string): Promise<string> {
  const lock = JSON.parse(await readFile(join(projectFolder, 'package-lock.json'), 'utf8'));
  const version = lock.packages[`node_modules/${name}`]?.version;
  if (!version) throw new Error(`${name} is not in package-lock.json; allowed are packages that the project locks`);
  const folder = await mkdtemp(join(tmpdir(), 'package-'));
  const file = (await run('npm', ['pack', `${name}@${version}`, '--silent'], { cwd: folder })).trim();
  await run('tar', ['-xzf', file], { cwd: folder });
  return join(folder, 'package');
}
