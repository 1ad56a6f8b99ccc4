import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import {
  checkVersion,
  dataFormat,
  freeBytesMin,
  openDataFolder,
  versionProblem,
} from '../../../local/stores/data-folder.ts';
import { temporaryFolder } from '../stand-ins.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

test('a data folder is made where there is none', async () => {
  const opened = await openDataFolder(join(folder.path, 'a', 'b'));
  expect(opened.logs).toBe(join(folder.path, 'a', 'b', 'logs'));
  await writeFile(join(opened.documents, 'x'), '');
});

test('a folder that cannot be written is refused with what to do', async () => {
  // A file where a folder is needed: refused for root too, whom no mode bits stop.
  const path = join(folder.path, 'file', 'data');
  await writeFile(join(folder.path, 'file'), '');
  await expect(openDataFolder(path)).rejects.toThrow(
    `the data folder ${path} cannot be written (ENOTDIR); make it writable for this user, or choose another: npm start -- --data DIR`,
  );
});

test('a read-only folder is refused', async () => {
  await chmod(folder.path, 0o500);
  // Root may write everywhere: it becomes nobody for this call.
  const root = process.geteuid?.() === 0;
  if (root) process.seteuid?.(65_534);
  try {
    await expect(openDataFolder(folder.path)).rejects.toThrow('cannot be written (EACCES)');
  } finally {
    if (root) process.seteuid?.(0);
  }
});

test('a nearly full disk is refused before anything is started', async () => {
  await expect(openDataFolder(folder.path, async () => freeBytesMin - 1)).rejects.toThrow(
    `the disk of ${folder.path} has 511 MiB free, 512 MiB are needed (the database stops hard on a full disk); free some, or choose another disk: npm start -- --data DIR`,
  );
  await openDataFolder(folder.path, async () => freeBytesMin);
});

test('a new folder is marked, and accepted again', async () => {
  const opened = await openDataFolder(folder.path);
  await checkVersion(opened, 18);
  expect(JSON.parse(await readFile(join(folder.path, 'version.json'), 'utf8'))).toEqual({
    format: dataFormat,
    postgresMajor: 18,
  });
  await checkVersion(opened, 18);
  await expect(checkVersion(opened, 19)).rejects.toThrow(
    `${folder.path} was written by PostgreSQL 18, this program brings 19, which cannot open it. Use the version that wrote it to export your documents, or choose another folder: npm start -- --data DIR`,
  );
});

test('a foreign or newer folder is refused with what to do', async () => {
  expect(versionProblem('{"format":2,"postgresMajor":18}', 18)).toBe(
    'has format 2, this program knows up to 1: it was written by a newer version. Use that version, or choose another folder: npm start -- --data DIR',
  );
  const foreign = 'it was not made by this program: choose another folder: npm start -- --data DIR';
  expect(versionProblem('{}', 18)).toBe(`has an unknown format; ${foreign}`);
  expect(versionProblem('null', 18)).toBe(`has an unknown format; ${foreign}`);
  expect(versionProblem('{', 18)).toBe(`has an unreadable version.json; ${foreign}`);
  const opened = await openDataFolder(folder.path);
  await mkdir(opened.postgres);
  await expect(checkVersion(opened, 18)).rejects.toThrow('holds a database but no version.json');
});
