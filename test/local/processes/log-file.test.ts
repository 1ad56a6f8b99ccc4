import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { logTail, openLog } from '../../../local/processes/log-file.ts';
import { temporaryFolder } from '../stand-ins.ts';

test('a log never grows beyond twice its bound, keeps the newest lines, and is for its owner only', async () => {
  const folder = await temporaryFolder();
  const path = join(folder.path, 'it.log');
  const log = openLog(path, 1000);
  for (let line = 0; line < 1000; line++) log.write(`line ${line}\n`);
  await new Promise<void>((resolve) => log.end(() => resolve()));
  expect((await stat(path)).size + (await stat(`${path}.1`)).size).toBeLessThanOrEqual(2000);
  expect(await readFile(path, 'utf8')).toMatch(/line 999\n$/);
  expect(logTail(path, 2)).toBe('line 998\nline 999');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(logTail(join(folder.path, 'none.log'))).toBe('');
  await folder.remove();
});
