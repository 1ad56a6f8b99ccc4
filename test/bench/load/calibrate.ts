/** `npm run calibrate`: how fast this machine's CPU is beside the one that the constants are of. */
import { availableParallelism } from 'node:os';
import { execa } from 'execa';
import { measuredCalibration, measuredCpu } from '../../../environments/capacity/model.ts';
import { cpuModel, roundsPerSecond } from '../../../services/api/operations/cpu-speed.ts';

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

/** What `work` answers, with the rounds of just before and after it: a host's speed changes within minutes. */
export async function withRounds<Result>(
  work: () => Promise<Result>,
): Promise<{ result: Result; rounds: number; changed: number }> {
  const before = await roundsNow();
  const result = await work();
  const after = await roundsNow();
  return { result, rounds: (before + after) / 2, changed: Math.max(before, after) / Math.min(before, after) - 1 };
}

/** Two seconds and more: a shorter one tells the moment. */
const partMs = 150;

if (import.meta.main) {
  const rounds = await roundsPerSecond(partMs);
  console.log(
    process.argv.includes('--number') ? String(rounds) : calibrationText(rounds, measuredCalibration, cpuModel()),
  );
}
