import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openLog } from '../../../local/processes/log-file.ts';
import { identify } from '../../../local/processes/process-identity.ts';
import { type Supervised, type Supervision, supervise } from '../../../local/processes/supervisor.ts';
import { listener, temporaryFolder, until } from '../stand-ins.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let log: Writable;
const started: Supervised[] = [];

beforeEach(async () => {
  folder = await temporaryFolder();
  log = openLog(join(folder.path, 'it.log'));
});
afterEach(async () => {
  for (const each of started.splice(0)) await each.stop();
  await new Promise<void>((resolve) => log.end(() => resolve()));
  await folder.remove();
});

/** A shell script under supervision. */
async function run(script: string, given: Partial<Supervision> = {}): Promise<Supervised> {
  const supervised = await supervise({
    name: 'it',
    command: async () => ({ command: '/bin/sh', args: ['-c', script], env: {}, cwd: folder.path }),
    probe: async () => {},
    readyTimeoutMs: 10_000,
    stopTimeoutMs: 10_000,
    log,
    logPath: join(folder.path, 'it.log'),
    tell: () => {},
    onProcess: () => {},
    cancelled: new AbortController().signal,
    ...given,
  });
  started.push(supervised);
  return supervised;
}

test('a process that dies too often is given up, said once, and can still be restarted by hand', async () => {
  const { lines, tell } = listener();
  await writeFile(join(folder.path, 'broken'), '');
  const it = await run('[ -e broken ] && exit 7; exec sleep 600', {
    tell,
    delayMs: (deaths) => (deaths.length > 2 ? undefined : 0),
  });
  await until(() => it.state === 'failed');
  expect(lines.at(-1)).toBe(
    `it ended again (code 7), more than 5 times within a minute: it is not started again, everything else goes on. Its log: ${join(folder.path, 'it.log')}`,
  );
  expect(lines[0]).toBe('it ended (code 7); starting it again in 0 s');
  await rm(join(folder.path, 'broken'));
  await it.restart();
  expect(it.state).toBe('ready');
});

test('a first start that is not ready in time fails with the last reason and the last words', async () => {
  await expect(
    run('echo loading the model; exec sleep 600', {
      // Long enough for a shell to say its words on a busy machine.
      readyTimeoutMs: 3000,
      probe: async () => {
        throw new Error('/readyz says 503: warming');
      },
    }),
  ).rejects.toThrow(
    `it was not ready within 3 s (/readyz says 503: warming). Its log: ${join(folder.path, 'it.log')}\nloading the model`,
  );
});

test('a command that does not exist is named', async () => {
  await expect(run('', { command: async () => ({ command: '/no/such/program', args: [], env: {} }) })).rejects.toThrow(
    'cannot start /no/such/program: spawn /no/such/program ENOENT',
  );
});

test('stop() waits for the drain; one that ignores it is killed together with its own children', async () => {
  const polite = await run("trap 'echo drained; exit 0' TERM; touch armed; while :; do sleep 0.05; done", {
    probe: async () => {
      if (!existsSync(join(folder.path, 'armed'))) throw new Error('not yet');
    },
  });
  await polite.stop();
  expect(await readFile(join(folder.path, 'it.log'), 'utf8')).toContain('drained');
  expect(polite).toMatchObject({ state: 'stopped', pid: undefined });

  const stubborn = await run("trap '' TERM; sleep 600 & echo $! > child; wait; while :; do sleep 1; done", {
    stopTimeoutMs: 200,
    probe: async () => {
      if (!existsSync(join(folder.path, 'child'))) throw new Error('not yet');
    },
  });
  const child = Number(await readFile(join(folder.path, 'child'), 'utf8'));
  await stubborn.stop();
  await until(async () => (await identify(child)) === undefined);
});

test('a start that is cancelled leaves nothing running', async () => {
  const cancel = new AbortController();
  let pid: number | undefined;
  const starting = run('exec sleep 600', {
    cancelled: cancel.signal,
    onProcess: (now) => {
      pid ??= now;
    },
    probe: async () => {
      cancel.abort();
      throw new Error('not yet');
    },
  });
  await expect(starting).rejects.toThrow('it was stopped while starting');
  expect(pid && (await identify(pid))).toBeUndefined();
});

test('a process that is not ready any more goes on: only its own end starts it anew', async () => {
  let ready = true;
  const it = await run('exec sleep 600', {
    probe: async () => {
      if (!ready) throw new Error('/readyz says 503');
    },
  });
  const { pid } = it;
  ready = false;
  await sleep(500);
  expect(it).toMatchObject({ state: 'ready', pid });
});
