import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { endOrphans, openPidRegistry } from '../../../local/processes/orphans.ts';
import { commandLine, identify } from '../../../local/processes/process-identity.ts';
import { temporaryFolder } from '../stand-ins.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

async function sleeper() {
  const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  await once(child, 'spawn');
  return { pid: child.pid as number, closed: once(child, 'exit') };
}

test('what was written down and still is the same process is ended', async () => {
  const { pid, closed } = await sleeper();
  const pidRegistry = openPidRegistry(folder.path);
  pidRegistry.note('api', pid);
  pidRegistry.note('chat', process.pid);
  pidRegistry.note('chat', undefined);
  await pidRegistry.settled();
  expect(await endOrphans(folder.path)).toEqual(['api']);
  expect((await closed)[1]).toBe('SIGTERM');
  expect(await endOrphans(folder.path)).toEqual([]);
});

test('another process that has the id by now is left alone', async () => {
  const { pid, closed } = await sleeper();
  await writeFile(join(folder.path, 'processes.json'), JSON.stringify([{ name: 'api', pid, started: 'earlier 1' }]));
  expect(await endOrphans(folder.path)).toEqual([]);
  expect(await identify(pid)).toBeDefined();
  expect(await commandLine(pid)).toBe('sleep 600');
  process.kill(pid, 'SIGKILL');
  await closed;
});

test('a list that is damaged or names process 1 ends nothing', async () => {
  const init = await identify(1);
  for (const text of ['{', 'null', '[{"name":"x"}]', JSON.stringify([{ name: 'x', ...init }])]) {
    await writeFile(join(folder.path, 'processes.json'), text);
    expect(await endOrphans(folder.path)).toEqual([]);
  }
});

test('the list holds start times, so that an id alone never decides', async () => {
  const pidRegistry = openPidRegistry(folder.path);
  pidRegistry.note('api', process.pid);
  await pidRegistry.settled();
  const [entry] = JSON.parse(await readFile(join(folder.path, 'processes.json'), 'utf8'));
  expect(entry).toEqual({ name: 'api', ...(await identify(process.pid)) });
});
