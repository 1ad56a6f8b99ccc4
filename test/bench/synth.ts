/**
 * How long a synth takes, and how much memory: one environment, from the start of the process to its end, against what
 * importing the provider's barrel costs on the same machine in the same run. And a day of 100,000 documents, played.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { builtInTraces } from '../../environments/capacity/simulation/built-in-traces.ts';
import { simulate } from '../../environments/capacity/simulation/simulate.ts';
import type { Arrival } from '../../environments/capacity/simulation/trace.ts';
import { resolveEnvironment } from '../../environments/environment.ts';
import { prod } from '../../environments/prod.ts';
import manifest from '../../package.json' with { type: 'json' };
import { atMost, onQuietMachine, type Row, told } from './report/rows.ts';

const secondsMax = 0.6;
/** Of what importing everything takes: what is not used is not loaded. */
const shareMax = 0.3;
/** The barrel takes 650; file by file what an environment uses took 160 to 200, from one bundle 105. */
const memoryMiBMax = 140;

/** What a person waits for who compares two environments. */
const simulatedSecondsMax = 10;

/** The day with its 100,000 documents against one of 2,000: it may take its 50 times as long, and not more of each. */
function simulated(quick: boolean): Row[] {
  const environment = resolveEnvironment(prod);
  const secondsOf = (arrivals: Arrival[]) => {
    const start = performance.now();
    simulate(environment, arrivals, { seed: 1, scalingOf: () => undefined });
    return (performance.now() - start) / 1000;
  };
  secondsOf(builtInTraces.quiet(1));
  const small = secondsOf(builtInTraces.quiet(2));
  const value = secondsOf(builtInTraces.day(1));
  const row = { row: 'H6', name: 'a day of 100,000 documents, simulated', unit: 's', baseline: small };
  return [
    onQuietMachine(quick, atMost(simulatedSecondsMax, { ...row, value })),
    atMost(3, {
      ...row,
      baseline: null,
      name: `${row.name}: time of a document, by that of a day of 2,000`,
      unit: 'x',
      value: value / small / 50,
    }),
  ];
}

export async function run({ quick }: { readonly quick: boolean }): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-bench-'));
  try {
    const probe = join(folder, 'probe.mjs');
    // Told at exit, since the peak is what counts.
    await writeFile(
      probe,
      `process.on('exit', () => process.send?.({ seconds: process.uptime(), memoryMiB: process.resourceUsage().maxRSS / 1024 }));`,
    );
    // As npm runs it, without npm.
    const synth = `${manifest.scripts.synth} dev`;
    const barrel = `node --eval "require('@cdktf/provider-aws')"`;
    // As after a change of the code. Node compiles the bundle in the next one, and keeps that.
    await rm(new URL('../../stacks/dist/', import.meta.url), { recursive: true, force: true });
    const anew = await measure(probe, synth, folder);
    await measure(probe, synth, folder);
    const runs = quick ? 3 : 11;
    const ours: Measured[] = [];
    for (let index = 0; index < runs; index++) ours.push(await measure(probe, synth, folder));
    const theirs: Measured[] = [];
    for (let index = 0; index < (quick ? 1 : 3); index++) theirs.push(await measure(probe, barrel, folder));
    const seconds = least(ours.map((one) => one.seconds));
    const baseline = least(theirs.map((one) => one.seconds));
    const memoryMiB = least(ours.map((one) => one.memoryMiB));
    return [
      ...simulated(quick),
      onQuietMachine(
        quick,
        atMost(secondsMax, { row: 'G1', name: 'synth of dev: program time', value: seconds, unit: 's', baseline }),
      ),
      atMost(shareMax, {
        row: 'G1',
        name: "synth of dev against the provider's barrel: time",
        value: seconds / baseline,
        unit: 'x',
      }),
      told(null, {
        row: 'G1',
        name: 'synth of dev after a change of the code: program time',
        value: anew.seconds,
        unit: 's',
        baseline: seconds,
      }),
      atMost(memoryMiBMax, {
        row: 'G1',
        name: 'synth of dev: peak memory',
        value: memoryMiB,
        unit: 'MiB',
        baseline: least(theirs.map((one) => one.memoryMiB)),
      }),
    ];
  } finally {
    await rm(folder, { recursive: true });
  }
}

interface Measured {
  readonly seconds: number;
  readonly memoryMiB: number;
}

async function measure(probe: string, command: string, outdir: string): Promise<Measured> {
  const child = execa(command, {
    shell: true,
    preferLocal: true,
    ipc: true,
    env: { CDKTF_OUTDIR: join(outdir, 'cdktf.out'), NODE_OPTIONS: `--import ${probe}` },
  });
  const [told] = await Promise.all([child.getOneMessage(), child]);
  return told as Measured;
}

/** The least of several runs is the program; what is above it is the rest of the machine. */
const least = (values: readonly number[]): number => Math.min(...values);
