import { readFile } from 'node:fs/promises';
import { constants, getPriority } from 'node:os';
import { PassThrough } from 'node:stream';
import { expect, test } from '@jest/globals';
import { startChild } from '../../../local/processes/child.ts';

/** Null: this system shares the processor between processes alone. */
async function groupNice(pid: number): Promise<number | null> {
  const text = await readFile(`/proc/${pid}/autogroup`, 'utf8').catch(() => '');
  const [, nice] = /nice (-?\d+)/.exec(text) ?? [];
  return nice === undefined ? null : Number(nice);
}

async function startSleeper(background: boolean) {
  const command = { command: 'sleep', args: ['600'], env: { PATH: process.env.PATH ?? '' } };
  const child = await startChild({ ...command, background }, new PassThrough().resume());
  const nice = { ofProcess: getPriority(child.pid), ofSession: await groupNice(child.pid) };
  child.kill();
  await child.exited;
  return nice;
}

// Linux shares the processor between sessions before it looks at a process: nice alone gave way to nobody.
test('what works in the background gives way as a process and as a session', async () => {
  const { PRIORITY_NORMAL: normal, PRIORITY_BELOW_NORMAL: below } = constants.priority;
  const plain = await startSleeper(false);
  const background = await startSleeper(true);
  // A child tells whether this system groups by session: this process may be of init's session, which has no group.
  const grouped = plain.ofSession !== null;
  expect(plain).toEqual({ ofProcess: getPriority(), ofSession: grouped ? normal : null });
  expect(background).toEqual({ ofProcess: below, ofSession: grouped ? below : null });
});
