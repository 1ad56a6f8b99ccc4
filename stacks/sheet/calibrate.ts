/**
 * `npm run calibrate`: how fast this machine's CPU is beside the one that the constants are of. Half a second of hashing,
 * parsing and sorting, counted per second of CPU time, so that what else runs matters little.
 */
import { createHash } from 'node:crypto';
import { cpus } from 'node:os';
import { measuredCalibration, measuredCpu } from '../../environments/capacity/model.ts';

const document = JSON.stringify(
  Array.from({ length: 400 }, (_, page) => ({ page, text: `page ${page} `.repeat(20), words: [page % 7, page % 11] })),
);

function round(): number {
  const pages = JSON.parse(document) as { page: number; text: string; words: number[] }[];
  const sorted = pages.toSorted((a, b) => (a.words[0] as number) - (b.words[0] as number) || b.page - a.page);
  const words = sorted.flatMap(({ text }) => text.split(' ')).filter((word) => word.length > 2);
  return createHash('sha256').update(words.join(' ')).digest().length;
}

/** @returns rounds in a second of CPU; the median of nine parts, the first are warm-up */
export function calibrate(partMs = 60): number {
  const parts = Array.from({ length: 12 }, () => {
    const before = process.cpuUsage();
    const end = performance.now() + partMs;
    let rounds = 0;
    while (performance.now() < end) rounds += round() > 0 ? 1 : 0;
    const { user, system } = process.cpuUsage(before);
    return (rounds * 1e6) / (user + system);
  });
  return parts.slice(3).toSorted((a, b) => a - b)[4] as number;
}

/** @param own rounds of this machine. @param measured of the one that the constants are of */
export function calibrationText(own: number, measured: number | undefined, cpu: string): string {
  const here = `${cpu}: ${own.toFixed(0)} rounds in a second of CPU`;
  if (measured === undefined)
    return `${here}. The constants (${measuredCpu}) have none beside them: npm run bench -- constants measures both.`;
  return `${here}, ${measuredCpu} did ${measured.toFixed(0)}: npm run sheet -- prod --cpu-factor ${(own / measured).toFixed(2)}`;
}

if (import.meta.main)
  console.log(calibrationText(calibrate(), measuredCalibration, cpus()[0]?.model.trim() ?? 'unknown CPU'));
