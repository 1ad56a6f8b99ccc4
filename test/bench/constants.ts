/**
 * The constants of the capacity model, measured in the `bench` environment's containers, with an embedding tier beside
 * them: what one vCPU and one GiB of each tier carries. The full run writes environments/capacity/measured.json. Each
 * rate is told at one speed of the CPU, that of the first calibration: a host's speed changes within minutes.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { arch, cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { bench } from '../../environments/bench.ts';
import { measuredCalibration, measuredCpu } from '../../environments/capacity/model.ts';
import { type EnvironmentInput, placedServices, resolveEnvironment } from '../../environments/environment.ts';
import type { Placement } from '../../environments/schema/placement.ts';
import { cpuModel } from '../../services/api/operations/cpu-speed.ts';
import { extractiveName } from '../../services/chat/answering/answerer.ts';
import type { ServiceName } from '../../services/manifest.ts';
import { type ContainerDeployment, startContainers } from '../containers/deployment.ts';
import { lacksPodman } from '../containers/podman.ts';
import { lacksManuals } from '../flows/documents.ts';
import { hasWeights } from '../support/embedding/wheels.ts';
import { roundsNow } from './load/calibrate.ts';
import { firstToken, prepare } from './load/calls.ts';
import { type Constant, type Measured, Recorder, toSpeed } from './load/constant.ts';
import { documents, searching, vectors } from './load/documents.ts';
import { type LoadKind, startLoad } from './load/generator.ts';
import { cpuSeconds, errorLines, rate, slotsOfOne } from './load/measure.ts';
import { liveMiB, memoryMiB } from './load/memory.ts';
import { slow, withModel } from './load/model.ts';
import { probe, quantiles } from './load/probe.ts';
import { partsOf } from './report/parts.ts';
import { passes, type Row, told } from './report/rows.ts';

const file = new URL('../../environments/capacity/measured.json', import.meta.url);

/** Vectors are part of what documents and searches take. */
export const withEmbedding: EnvironmentInput = {
  ...bench,
  tiers: { ...bench.tiers, embedding: { platform: 'ecs', vcpu: 0.5, memoryMiB: 1024 } },
};

export const lacksConstants =
  lacksPodman ??
  lacksManuals ??
  (hasWeights ? null : 'the weights of the embedding are not in .venv/wheels: .ci/run brings them');

/**
 * CONSTANTS_PARTS=vectors,api measures these alone, told at the speed of those that are there; on another CPU than theirs
 * those are told at its speed until they are measured too.
 */
const partNames = ['search', 'vectors', 'streaming', 'api', 'chat', 'vectorstore', 'starts', 'documents'] as const;
type Part = (typeof partNames)[number];

export async function run({ quick }: { readonly quick: boolean }): Promise<Row[]> {
  if (lacksConstants) throw new Error(`bench constants cannot run: ${lacksConstants}`);
  const parts = partsOf('CONSTANTS_PARTS', partNames);
  const whole = parts.length === partNames.length;
  const known = whole || cpuModel() !== measuredCpu ? undefined : measuredCalibration;
  const recorder = new Recorder(known ?? (await roundsNow()));
  if (parts.includes('search')) recorder.put(await searching(recorder, quick ? 20_000 : 100_000));
  if (parts.some((part) => part !== 'search'))
    await withModel(withEmbedding, slow, (environment) =>
      measure(environment, quick ? 5000 : 20_000, recorder, (part) => parts.includes(part)),
    );
  const { constants, calibration } = recorder;
  // What the sheet computes with; starts are also how long scaling out takes. None can be zero: that is no measurement.
  const rows = Object.entries(constants).map(([name, { value, unit }]) =>
    told(null, {
      row: name.startsWith('startSeconds') ? 'D20' : 'D15',
      name,
      value: value > 0 || name === 'errorLinesPerMinute' ? value : Number.NaN,
      unit,
    }),
  );
  if (!quick && passes(rows))
    await writeFile(file, `${JSON.stringify(await describe(constants, calibration), undefined, 2)}\n`);
  return [
    ...rows,
    told(null, { row: 'H6', name: 'CPU speed, least to most of it', value: recorder.spread, unit: '', baseline: 1 }),
  ];
}

async function measure(
  environment: EnvironmentInput,
  durationMs: number,
  recorder: Recorder,
  wanted: (part: Part) => boolean,
): Promise<void> {
  const deployment = await startContainers(environment);
  const begun = performance.now();
  const take = async (part: Part, measured: () => Promise<Measured>) => {
    if (wanted(part)) recorder.put(await recorder.atSpeed(measured));
  };
  try {
    const idle = await memoryMiB(deployment);
    const subject = await prepare(deployment, extractiveName);
    const busy = async (tier: ServiceName): Promise<Constant> => ({
      value: (await memoryMiB(deployment))[tier] ?? Number.NaN,
      unit: 'MiB',
      how: 'a replica under that load, less file pages that the kernel can drop',
    });
    await take('vectors', async () => ({ ...(await vectors(deployment)), embeddingMiB: await busy('embedding') }));
    await take('streaming', () => streaming(deployment, durationMs, idle.chat ?? Number.NaN));
    const perVcpu = async (tier: LoadKind, width: number) =>
      (await rate(deployment, tier, width, subject, durationMs)).perVcpu;
    await take('api', async () => {
      const container = deployment.container('api');
      const before = await liveMiB(container);
      const requests = await perVcpu('api', 16);
      return {
        apiRequestsPerSecondPerVcpu: {
          value: requests,
          unit: 'requests/s per vCPU',
          how: '16 callers list brains, each with an API key, one call after another; by second of its CPU',
        },
        apiMiB: {
          value: (idle.api ?? Number.NaN) + (await liveMiB(container)) - before,
          unit: 'MiB',
          how: 'a replica that is ready and has no work, and growth of what is alive, garbage collected, by that load',
        },
        webMiB: await busy('web'),
      };
    });
    await take('chat', async () => {
      const before = await cpuSeconds(deployment, 'embedding');
      const start = performance.now();
      const { perVcpu: answers, perSecond } = await rate(deployment, 'chat', slots, subject, durationMs);
      const seconds = (performance.now() - start) / 1000;
      const each = ((await cpuSeconds(deployment, 'embedding')) - before) / (perSecond * seconds);
      return {
        chatAnswersPerSecondPerVcpu: {
          value: answers,
          unit: 'answers/s per vCPU',
          how: `${slots} users, one question after another, the extractive answerer; by second of its CPU`,
        },
        embeddedQuestionsPerSecondPerVcpu: {
          value: 1 / each,
          unit: 'questions/s per vCPU',
          how: "the embedding tier's CPU for those questions",
        },
      };
    });
    await take('vectorstore', async () => ({
      vectorstoreSearchesPerSecondPerVcpu: {
        value: await perVcpu('vectorstore', 16),
        unit: 'searches/s per vCPU',
        how: '16 searchers, full text and vectors, a brain of about 110 pages; by second of its CPU',
      },
      vectorstoreMiB: await busy('vectorstore'),
    }));
    const minutes = (performance.now() - begun) / 60_000;
    recorder.put({
      errorLinesPerMinute: {
        value: (await errorLines(deployment, Object.keys(tiers) as ServiceName[])) / minutes,
        unit: 'lines/min',
        how: 'error lines in the log of one replica of each tier while one after another was loaded',
      },
    });
    for (const tier of placedServices(resolveEnvironment(environment)))
      await take('starts', async () => {
        const start = performance.now();
        await deployment.replace(tier);
        return {
          [`startSeconds ${tier}`]: {
            value: (performance.now() - start) / 1000,
            unit: 's',
            how: `a container of ${vcpuOf(tier)} vCPU from its start to ready, its image already there`,
          },
        };
      });
    // Last: its vectors take longer than all of this.
    await take('documents', () => documents(deployment, tiers, idle));
  } finally {
    await deployment.close();
  }
}

/** Every slot holds an answer as a model writes it. */
async function streaming(
  deployment: ContainerDeployment,
  durationMs: number,
  idleMiB: number,
): Promise<Record<string, Constant>> {
  const subject = await prepare(deployment);
  const idle = await liveMiB(deployment.container('chat'));
  const load = await startLoad('chat', slots - 4, subject);
  // The middle of the first answers.
  await sleep(6000);
  const full = await liveMiB(deployment.container('chat'));
  // V8 has compiled what runs by the second round of answers.
  await sleep(durationMs);
  const before = await cpuSeconds(deployment, 'chat');
  await sleep(durationMs);
  const used = (await cpuSeconds(deployment, 'chat')) - before;
  const { timesMs } = await probe(() => firstToken(subject), { everyMs: 4000, durationMs });
  await load.stop();
  const { p50Ms, p95Ms } = quantiles(timesMs);
  const asked = `from a question to the first word, ${slots - 4} others under way; the model's own time is none`;
  return {
    chatMiBIdle: { value: idleMiB, unit: 'MiB', how: 'a replica that is ready and has no work' },
    chatMiBPerSlot: {
      value: (full - idle) / (slots - 4),
      unit: 'MiB per slot',
      how: `growth of what is alive in a replica, garbage collected, from idle to ${slots - 4} answers of 12 s under way`,
    },
    chatTokensPerSecondPerVcpu: {
      value: ((slots - 4) * slow.wordsPerSecond * durationMs) / 1000 / used,
      unit: 'tokens/s per vCPU',
      how: `CPU that those answers take, ${slow.wordsPerSecond} tokens a second each, one token per event of the model`,
    },
    'firstTokenSeconds p50': { value: p50Ms / 1000, unit: 's', how: `${asked}; median` },
    'firstTokenSeconds p95': { value: p95Ms / 1000, unit: 's', how: `${asked}; 95th percentile` },
  };
}

/** One placement of each tier. */
const { tiers } = resolveEnvironment(withEmbedding);
const vcpuOf = (tier: ServiceName): number => tiers[tier]?.[0]?.vcpu ?? Number.NaN;
const slots = slotsOfOne(tiers.chat[0] as Placement);

/** With those that are there already, where parts of them were measured. */
async function describe(measured: Readonly<Record<string, Constant>>, calibration: number) {
  const before = JSON.parse(await readFile(file, 'utf8'));
  const others = toSpeed(before.constants, calibration / before.calibration);
  const elsewhere = (how: string) => (before.cpu === cpuModel() ? how : `${how.split('; on ')[0]}; on ${before.cpu}`);
  const constants: Readonly<Record<string, Constant>> = {
    ...Object.fromEntries(Object.entries(others).map(([name, one]) => [name, { ...one, how: elsewhere(one.how) }])),
    ...measured,
  };
  const { dependencies } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
  const round = (value: number) => Number(value.toPrecision(3));
  return {
    measured: new Date().toISOString().slice(0, 10),
    cpu: cpuModel(),
    architecture: { x64: 'x86_64', arm64: 'arm64' }[arch() as string] ?? arch(),
    calibration: round(calibration),
    cores: cpus().length,
    node: dependencies.node,
    method:
      'npm run bench -- constants: the bench environment in containers under its limits, one tier loaded at a time; rates told at the speed of the calibration',
    constants: Object.fromEntries(
      Object.entries(constants).map(([name, constant]) => [name, { ...constant, value: round(constant.value) }]),
    ),
  };
}
