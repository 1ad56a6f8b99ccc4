import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { lockFolder } from '../../../local/processes/lock.ts';
import { identify } from '../../../local/processes/process-identity.ts';
import { temporaryFolder } from '../stand-ins.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

const leave = (holder: unknown) => writeFile(join(folder.path, 'deployment.lock'), JSON.stringify(holder));

test('a held lock refuses a second start and says where the first one is', async () => {
  const lock = await lockFolder(folder.path);
  await expect(lockFolder(folder.path)).rejects.toThrow('already running and is still starting');
  await lock.publish('http://localhost:8080');
  await expect(lockFolder(folder.path)).rejects.toThrow(
    `already running at http://localhost:8080 (process ${process.pid})`,
  );
  await lock.release();
  const again = await lockFolder(folder.path);
  expect(again.recovered).toBeUndefined();
  await again.release();
  expect(await readdir(folder.path)).toEqual([]);
});

test('the lock of a process that is gone is taken over', async () => {
  const child = spawn('sleep', ['0']);
  await once(child, 'exit');
  await leave({ pid: child.pid, started: 'long ago', url: '' });
  const lock = await lockFolder(folder.path);
  expect(lock.recovered).toEqual({ pid: child.pid });
  await lock.release();
});

test('an id that another process has by now does not keep the lock', async () => {
  const self = await identify(process.pid);
  await leave({ ...self, started: 'an earlier boot 1', url: '' });
  const lock = await lockFolder(folder.path);
  expect(lock.recovered).toEqual({ pid: process.pid });
  await lock.release();
});

test('of many starts over one stale lock exactly one gets it', async () => {
  await leave({ pid: 0, started: '', url: '' });
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(folder.path)));
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});
