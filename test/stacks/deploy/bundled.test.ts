/** One file in the place of many: never an old one. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { projectFolder } from '../../../stacks/images/run.ts';

let folder: string;
const write = (path: string, text: string) => writeFile(join(folder, path), text);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead-bundled-'));
  for (const name of ['environments', 'stacks', 'node_modules']) await mkdir(join(folder, name));
  await cp(join(projectFolder, 'stacks/bundled.ts'), join(folder, 'stacks/bundled.ts'));
  for (const name of await readdir(join(projectFolder, 'node_modules')))
    if (!name.startsWith('.'))
      await symlink(join(projectFolder, 'node_modules', name), join(folder, 'node_modules', name));
  await write('package.json', '{ "type": "module" }');
  await write('cdktf.json', '{}');
  await write('environments/dev.ts', `export const dev: string = 'dev';`);
  await write('environments/index.ts', `export const load = async () => (await import('./dev.ts')).dev;`);
  await write('stacks/part.ts', `export const part: string = 'part'; export const here = import.meta.url;`);
  await write(
    'stacks/program.ts',
    `import { load } from '../environments/index.ts';
     import { here, part } from './part.ts';
     console.log(JSON.stringify([part, await load(), here, import.meta.url]));`,
  );
});
afterEach(() => rm(folder, { recursive: true }));

const made = () => join(folder, 'stacks/dist/program.mjs');
async function run(): Promise<{ part: string; environment: string; here: string; from: 'bundle' | 'source' }> {
  const imports = `const { bundled } = await import('./stacks/bundled.ts');
    const url = await bundled('stacks/program.ts');
    await import(url);
    console.log(url.includes('/dist/') ? 'bundle' : 'source');`;
  const { stdout } = await execa('node', ['--input-type=module', '--eval', imports], {
    preferLocal: true,
    cwd: folder,
    localDir: projectFolder,
  });
  const [told = '', from] = stdout.split('\n') as [string, 'bundle' | 'source'];
  const [part, environment, here] = JSON.parse(told);
  return { part, environment, here, from };
}
const bundleText = () => readFile(made(), 'utf8');

test('a program is bundled once, and its sources hear where they lie', async () => {
  const ran = await run();
  expect(ran).toEqual({ part: 'part', environment: 'dev', here: `file://${folder}/stacks/part.ts`, from: 'bundle' });
  const first = await bundleText();
  expect(await run()).toEqual(ran);
  expect(await bundleText()).toBe(first);
});

test('a source that changed is never taken from an old bundle, its size and time notwithstanding', async () => {
  const source = join(folder, 'stacks/part.ts');
  const whenCopied = new Date('2026-01-01');
  await utimes(source, whenCopied, whenCopied);
  await run();
  await write('stacks/part.ts', (await readFile(source, 'utf8')).replace(`'part'`, `'else'`));
  await utimes(source, whenCopied, whenCopied);
  expect(await run()).toMatchObject({ part: 'else', from: 'bundle' });
});

test('an environment is read as it stands: its change makes no new bundle', async () => {
  await run();
  const first = await bundleText();
  await write('environments/dev.ts', `export const dev: string = 'changed';`);
  expect(await run()).toMatchObject({ environment: 'changed', from: 'bundle' });
  expect(await bundleText()).toBe(first);
});

test('in a copy of the whole tree the bundle is of the copy', async () => {
  const { here } = await run();
  const original = folder;
  folder = await mkdtemp(join(tmpdir(), 'bulkhead-bundled-'));
  await cp(original, folder, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  expect((await run()).here).toBe(here.replace(original, folder));
  await rm(original, { recursive: true });
});

test('a bundle that was written in part is made anew', async () => {
  await run();
  await writeFile(made(), '// {"from":"');
  expect(await run()).toMatchObject({ part: 'part', from: 'bundle' });
});

test('where nothing can be kept, or a source is wrong, the program is run as it is', async () => {
  await write('stacks/dist', 'a file in the way');
  expect(await run()).toMatchObject({ part: 'part', from: 'source' });
  await rm(join(folder, 'stacks/dist'));
  await write('stacks/part.ts', 'export const part = ;');
  await expect(run()).rejects.toThrow(/stacks\/part\.ts/);
});

test('what cdktf packs in a process of its own is packed', async () => {
  await write(
    'stacks/program.ts',
    `import { readFileSync } from 'node:fs';
     import { App, AssetType, TerraformAsset, TerraformStack } from 'cdktf';
     const app = new App();
     const stack = new TerraformStack(app, 'packs');
     const { path } = new TerraformAsset(stack, 'asset', { path: 'environments', type: AssetType.ARCHIVE });
     app.synth();
     console.log(JSON.stringify([readFileSync(app.outdir + '/stacks/packs/' + path, 'latin1').slice(0, 2)]));`,
  );
  expect(await run()).toMatchObject({ part: 'PK', from: 'bundle' });
});

test('many at once all run what stands', async () => {
  const ran = await Promise.all(Array.from({ length: 4 }, run));
  expect(ran.map(({ part, from }) => [part, from])).toEqual(Array.from({ length: 4 }, () => ['part', 'bundle']));
  expect(await readdir(join(folder, 'stacks/dist'))).toEqual(['program.mjs']);
});
