/** `npm run calibrate`: how fast this machine's CPU is beside the one that the constants are of. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { measuredCalibration, measuredCpu } from '../../../environments/capacity/model.ts';
import { cpuModel, roundsOf, roundsPerSecond } from '../../../services/api/operations/cpu-speed.ts';
import { said } from './process.ts';

/** @param own rounds of this machine. @param measured of the one that the constants are of */
export function calibrationText(own: number, measured: number | undefined, cpu: string): string {
  const here = `${cpu}: ${own.toFixed(0)} rounds in a second of CPU`;
  if (measured === undefined)
    return `${here}. The constants (${measuredCpu}) have none beside them: npm run bench -- constants measures both.`;
  return `${here}, ${measuredCpu} did ${measured.toFixed(0)}: npm run sheet -- prod --cpu-factor ${(own / measured).toFixed(2)}`;
}

/** As now, with every CPU busy, as they are under load: by a process on each, with no flags of a bench. */
export async function roundsNow(): Promise<number> {
  const all = await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      const { stdout } = await execa(process.execPath, [import.meta.filename, '--number'], {
        env: { NODE_OPTIONS: '' },
      });
      return Number(stdout);
    }),
  );
  return all.reduce((sum, each) => sum + each, 0) / all.length;
}

/**
 * What `work` answers, with the rounds meanwhile: a host's speed changes within minutes, and with what else runs on its cores.
 */
export async function withRounds<Result>(
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly rounds: number }> {
  // With no flags of a bench, as all that it is compared with.
  const child = fork(import.meta.filename, ['--beside'], { execArgv: [], env: { ...process.env, NODE_OPTIONS: '' } });
  const ended = once(child, 'exit');
  try {
    await said(child);
    const result = await work();
    child.send('end');
    return { result, rounds: (await said(child)) / besideShare };
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

/**
 * Beside work, a part counts fewer rounds in a second of CPU than processes that count all the time, at the same speed of
 * the CPU: mean of 16 runs beside two such, 0.77 to 1.06, on the AMD EPYC of the constants. Calibrations are told as those count.
 */
const besideShare = 0.88;
/** Three percent of a core. */
const besideMs = { part: 30, every: 1000 };

/** Of each second, by how busy the machine was in it: one in which nobody works says nothing of who does. */
export function meanRounds(seconds: readonly { readonly rounds: number; readonly busy: number }[]): number {
  const weight = seconds.reduce((sum, { busy }) => sum + busy, 0);
  return seconds.reduce((sum, { rounds, busy }) => sum + rounds * busy, 0) / weight;
}

async function besideWork(): Promise<number> {
  const seconds: { rounds: number; busy: number }[] = [];
  let over = false;
  process.once('message', () => {
    over = true;
  });
  await roundsPerSecond(besideMs.part);
  process.send?.(0);
  let before = busyMs();
  while (!over || seconds.length === 0) {
    await sleep(besideMs.every);
    const now = busyMs();
    seconds.push({ rounds: roundsOf(besideMs.part), busy: now - before });
    before = busyMs();
  }
  return meanRounds(seconds);
}

const busyMs = () => cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);

/** Two seconds and more: a shorter one tells the moment. */
const partMs = 150;

if (import.meta.main && process.argv.includes('--beside')) process.send?.(await besideWork(), () => process.exit(0));
else if (import.meta.main) {
  const rounds = await roundsPerSecond(partMs);
  console.log(
    process.argv.includes('--number') ? String(rounds) : calibrationText(rounds, measuredCalibration, cpuModel()),
  );
}
