/**
 * How fast this CPU is, beside the one that the capacity model's constants are of: rounds of hashing, parsing and sorting in
 * a second of CPU time, so that what else runs matters little.
 */
import { createHash } from 'node:crypto';
import { cpus } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import type { Operations, PredictedCapacity } from '../../shared/contract/operations.ts';

const document = JSON.stringify(
  Array.from({ length: 400 }, (_, page) => ({ page, text: `page ${page} `.repeat(20), words: [page % 7, page % 11] })),
);

function round(): number {
  const pages = JSON.parse(document) as { page: number; text: string; words: number[] }[];
  const sorted = pages.toSorted((a, b) => (a.words[0] as number) - (b.words[0] as number) || b.page - a.page);
  const words = sorted.flatMap(({ text }) => text.split(' ')).filter((word) => word.length > 2);
  return createHash('sha256').update(words.join(' ')).digest().length;
}

/** Until V8 has compiled what runs. */
const warmUpParts = 6;
const parts = 9;

/**
 * @param partMs A service does nothing else meanwhile: after each part whoever waits has a turn. All of it: under half a second.
 * @returns rounds in a second of CPU, the median of the parts
 */
export async function roundsPerSecond(partMs = 25): Promise<number> {
  const measured: number[] = [];
  for (let part = 0; part < warmUpParts + parts; part += 1) {
    const rounds = roundsOf(partMs);
    if (part >= warmUpParts) measured.push(rounds);
    await setImmediate();
  }
  return measured.toSorted((a, b) => a - b)[(parts - 1) / 2] as number;
}

/** In a second of CPU, by so long of it. */
export function roundsOf(partMs: number): number {
  const before = process.cpuUsage();
  const end = performance.now() + partMs;
  let rounds = 0;
  while (performance.now() < end) rounds += round() > 0 ? 1 : 0;
  const { user, system } = process.cpuUsage(before);
  return (rounds * 1e6) / (user + system);
}

export const cpuModel = (): string => cpus()[0]?.model.trim() ?? 'unknown CPU';

/** Of the replica that answers. @param rounds of {@link roundsPerSecond} here */
export function cpuSpeed(
  rounds: number,
  model: string,
  predicted: Pick<PredictedCapacity, 'cpu_rounds_per_second'> | null,
): Operations['cpu'] {
  const constants = predicted?.cpu_rounds_per_second ?? null;
  return { model, rounds_per_second: rounds, factor: constants === null ? null : rounds / constants };
}
