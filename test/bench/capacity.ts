/**
 * Whether what the sheet predicts is what containers carry. The `bench` environment with other budgets than those that the
 * constants were measured with (twice the CPU of api and worker), one tier loaded at a time:
 * prediction and error beside each figure. The prediction is scaled by a calibration of this CPU, where the constants have
 * one; on another kind of CPU without it the error says only how far apart the two are.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  capacityOf,
  defaultHabits,
  measuredCalibration,
  type measuredConstants,
  measuredCpu,
  onCpu,
} from '../../environments/capacity/model.ts';
import { type EnvironmentInput, placedServices, resolveEnvironment } from '../../environments/environment.ts';
import type { Placement } from '../../environments/schema/placement.ts';
import { cpuModel } from '../../services/api/operations/cpu-speed.ts';
import { extractiveName } from '../../services/chat/answering/answerer.ts';
import type { ServiceName } from '../../services/manifest.ts';
import { type ContainerDeployment, startContainers } from '../containers/deployment.ts';
import { lacksConstants, withEmbedding } from './constants.ts';
import { withRounds } from './load/calibrate.ts';
import { prepare } from './load/calls.ts';
import { type VectorWork, vectorWork } from './load/documents.ts';
import { type LoadKind, startLoad } from './load/generator.ts';
import { errorLines, hugeDocument, predictedSeconds, rate, slotsOfOne } from './load/measure.ts';
import { memoryMiB } from './load/memory.ts';
import { slow, withModel } from './load/model.ts';
import { type Compared, type Predicted, rowsOf } from './report/compared.ts';
import { partsOf } from './report/parts.ts';
import { type Row, told } from './report/rows.ts';

const { tiers } = withEmbedding;
const other: EnvironmentInput = {
  ...withEmbedding,
  tiers: {
    ...tiers,
    api: { platform: 'ecs', vcpu: 0.5, memoryMiB: 1024 },
    chat: { platform: 'ecs', vcpu: 0.5, memoryMiB: 1024, slots: 32 },
    'document-worker': { platform: 'ecs', vcpu: 0.5, memoryMiB: 2048, parserChildren: 2 },
    vectorstore: { platform: 'ecs', vcpu: 1, memoryMiB: 2048 },
    embedding: { platform: 'ecs', vcpu: 1, memoryMiB: 2048 },
  },
};
const environment = resolveEnvironment(other);
const placeOf = (tier: ServiceName) => environment.tiers[tier]?.[0] as Placement;
/** As the constants were measured. */
const width = 16;

/** CAPACITY_PARTS=vectors,api holds these alone against their predictions. */
const partNames = ['vectors', 'api', 'chat', 'vectorstore', 'slots', 'documents'] as const;

export async function run({ quick }: { readonly quick: boolean }): Promise<Row[]> {
  if (lacksConstants) throw new Error(`bench capacity cannot run: ${lacksConstants}`);
  const comparable = measuredCalibration !== undefined || cpuModel() === measuredCpu;
  const figures = await withModel(other, slow, (input) => measure(input, quick ? 5000 : 20_000));
  const rounds = figures.map((figure) => figure.rounds);
  const speed = { row: 'H6', unit: 'rounds/s', baseline: measuredCalibration ?? null };
  const why = comparable ? 'of this CPU, taken into the predictions' : `constants of ${measuredCpu}, not calibrated`;
  return [
    told(why, { ...speed, name: 'calibration, least', value: Math.min(...rounds) }),
    told(why, { ...speed, name: 'calibration, most', value: Math.max(...rounds) }),
    ...figures.flatMap((figure) => rowsOf(figure, comparable)),
  ];
}

async function measure(input: EnvironmentInput, durationMs: number): Promise<Compared[]> {
  const deployment = await startContainers(input);
  try {
    const subject = await prepare(deployment, extractiveName);
    const saturated = async (tier: LoadKind, callers: number, limit: LimitOf): Promise<Predicted[]> => {
      const { vcpu } = placeOf(tier);
      const { perVcpu, cpus } = await rate(deployment, tier, callers, subject, durationMs);
      return [
        {
          name: `${tier}: calls of ${callers} callers, on its ${vcpu} vCPU (it used ${cpus.toFixed(2)})`,
          unit: '/s',
          measured: perVcpu * vcpu,
          predicted: limit,
        },
        await memory(deployment, tier),
      ];
    };
    const parts: Record<(typeof partNames)[number], () => Promise<readonly Predicted[]>> = {
      vectors: async () => vectorFigures(await vectorWork(deployment)),
      api: () => saturated('api', width, (constants) => capacityWith(constants).carried.apiRequestsPerSecond),
      chat: () =>
        saturated(
          'chat',
          slotsOfOne(placeOf('chat')),
          (constants) => constants.chatAnswersPerSecondPerVcpu.value * placeOf('chat').vcpu,
        ),
      vectorstore: () =>
        saturated(
          'vectorstore',
          width,
          (constants) => constants.vectorstoreSearchesPerSecondPerVcpu.value * placeOf('vectorstore').vcpu,
        ),
      slots: () => slotsTaken(deployment),
      documents: () => huge(deployment),
    };
    const compared: Compared[] = [];
    const begun = performance.now();
    for (const part of partsOf('CAPACITY_PARTS', partNames)) compared.push(...(await atSpeed(parts[part])));
    const minutes = (performance.now() - begun) / 60_000;
    const lines = (await errorLines(deployment, placedServices(environment))) / minutes;
    return [...compared, ...(await atSpeed(async () => [errors(lines)]))];
  } finally {
    await deployment.close();
  }
}

type LimitOf = Predicted['predicted'];
const capacityWith = (constants: typeof measuredConstants) => capacityOf(environment, 'max', defaultHabits, constants);

/** Each prediction is for the CPU as it was during its measurement. */
async function atSpeed(measured: () => Promise<readonly Predicted[]>): Promise<Compared[]> {
  const { result, rounds } = await withRounds(measured);
  const constants = onCpu(measuredCalibration === undefined ? 1 : rounds / measuredCalibration);
  return result.map((figure) => ({ ...figure, rounds, predicted: figure.predicted(constants) }));
}

/** Chunks with their vectors, by what each tier's CPU takes for them. Tables are tidied by the clock: as often as they were. */
function vectorFigures({ chunks, writing, after }: VectorWork): Predicted[] {
  const tidied = writing.tidied + after.tidied;
  const figure = (tier: string, seconds: number, predicted: Predicted['predicted']): Predicted => ({
    name: `vectors: ${tier}`,
    unit: 'chunks/s per vCPU',
    measured: chunks / seconds,
    predicted,
  });
  return [
    figure('embedding', writing.embedding, (of) => of.embeddedChunksPerSecondPerVcpu.value),
    figure('document-worker', writing.worker, (of) => of.workerVectorChunksPerSecondPerVcpu.value),
    figure(
      `vectorstore, tables tidied ${tidied} times`,
      writing.vectorstore + after.vectorstore,
      (of) => chunks / (chunks / of.vectorstoreVectorChunksPerSecondPerVcpu.value + tidied * of.tidySeconds.value),
    ),
  ];
}

async function memory(deployment: ContainerDeployment, tier: ServiceName): Promise<Predicted> {
  return memoryFigure(tier, (await memoryMiB(deployment))[tier] ?? Number.NaN);
}

const memoryFigure = (tier: ServiceName, measured: number): Predicted => ({
  name: `memory of ${tier}`,
  unit: 'MiB',
  measured,
  predicted: (constants) => {
    const found = capacityWith(constants).memory.find((each) => each.tier === tier);
    return [found?.neededMiB ?? Number.NaN, found?.mostMiB ?? Number.NaN];
  },
});

const errors = (measured: number): Predicted => ({
  name: 'error lines a minute, all tiers',
  unit: '/min',
  measured,
  predicted: ({ errorLinesPerMinute }) => errorLinesPerMinute.value,
});

/** Slots in use when twice as many ask as there are. Nobody else is there: a tenant gets all but the reserve. */
async function slotsTaken(deployment: ContainerDeployment): Promise<Predicted[]> {
  const subject = await prepare(deployment);
  const load = await startLoad('chat', 64, subject);
  await sleep(6000);
  const taken = (await deployment.metric('chat', 'chat_inflight')) ?? Number.NaN;
  await load.stop();
  const slots = slotsOfOne(placeOf('chat'));
  return [
    {
      name: 'chats of one tenant at once',
      unit: '',
      measured: taken,
      predicted: (constants) => Math.min(slots, capacityWith(constants).carried.concurrentChats),
    },
  ];
}

async function huge(deployment: ContainerDeployment): Promise<Predicted[]> {
  const found = await hugeDocument(deployment);
  const [worker, vectorstore] = [placeOf('document-worker'), placeOf('vectorstore')];
  const seconds = (constants: typeof measuredConstants) => predictedSeconds({ worker, vectorstore }, found, constants);
  return [
    {
      name: `${found.parsedPages} pages alone, parsed`,
      unit: 's',
      measured: found.parsedSeconds,
      predicted: (constants) => seconds(constants).parsing,
    },
    {
      name: `${found.pages} pages alone, indexed`,
      unit: 's',
      measured: found.indexedSeconds,
      predicted: (constants) => seconds(constants).indexing,
    },
    memoryFigure('document-worker', found.memoryMiB),
  ];
}
