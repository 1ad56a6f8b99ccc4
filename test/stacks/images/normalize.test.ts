import { chmod, mkdir, mkdtemp, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { normalize } from '../../../stacks/images/normalize.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead-normalize-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(name: string, text = 'const a = 1;'): Promise<string> {
  const root = join(folder, name);
  await mkdir(join(root, 'app'), { recursive: true });
  await writeFile(join(root, 'app/main.js'), text);
  await symlink('main.js', join(root, 'app/link.js'));
  return root;
}

test('two folders with the same names and contents are the same, whoever wrote them and when', async () => {
  const [one, other] = [await write('one'), await write('other')];
  await chmod(join(other, 'app/main.js'), 0o600);
  await utimes(join(other, 'app/main.js'), 1000, 1000);
  const first = await normalize(one);
  expect(await normalize(other)).toEqual(first);
  expect(first.bytes).toBe('const a = 1;'.length);
  const { mode, mtimeMs } = await stat(join(other, 'app/main.js'));
  expect({ mode: mode & 0o777, mtimeMs }).toEqual({ mode: 0o644, mtimeMs: 0 });
});

test('another content, name, link or right to execute is another folder', async () => {
  const { hash } = await normalize(await write('one'));
  const content = await write('content', 'const a = 2;');
  const name = await write('name');
  await writeFile(join(name, 'more.js'), '');
  const link = await write('link');
  await rm(join(link, 'app/link.js'));
  await symlink('other.js', join(link, 'app/link.js'));
  const executable = await write('executable');
  await chmod(join(executable, 'app/main.js'), 0o700);
  for (const root of [content, name, link, executable]) expect((await normalize(root)).hash).not.toBe(hash);
});

test('a folder for everyone stays one: /tmp', async () => {
  const root = await write('one');
  await mkdir(join(root, 'tmp'));
  await chmod(join(root, 'tmp'), 0o1777);
  await normalize(root);
  expect((await stat(join(root, 'tmp'))).mode & 0o7777).toBe(0o1777);
});
