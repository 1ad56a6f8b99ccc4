/**
 * Whether what the sheet predicts is what containers carry. The `bench` environment with other budgets than those that the
 * constants were measured with (twice the CPU of api and worker), one tier loaded at a time:
 * prediction and error beside each figure. The prediction is scaled by a calibration of this CPU, where the constants have
 * one; on another kind of CPU without it the error says only how far apart the two are.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { bench } from '../../environments/bench.ts';
import {
  capacityOf,
  defaultHabits,
  measuredCalibration,
  type measuredConstants,
  measuredCpu,
  onCpu,
} from '../../environments/capacity/model.ts';
import { type EnvironmentInput, resolveEnvironment } from '../../environments/environment.ts';
import type { Placement } from '../../environments/schema/placement.ts';
import { cpuModel, roundsPerSecond } from '../../services/api/operations/cpu-speed.ts';
import { extractiveName } from '../../services/chat/answering/answerer.ts';
import type { ServiceName } from '../../services/manifest.ts';
import { type ContainerDeployment, startContainers } from '../containers/deployment.ts';
import { lacksPodman } from '../containers/podman.ts';
import { lacksManuals } from '../flows/documents.ts';
import { prepare } from './load/calls.ts';
import { type LoadKind, startLoad } from './load/generator.ts';
import { hugeDocument, predictedSeconds, rate, slotsOfOne } from './load/measure.ts';
import { slow, withModel } from './load/model.ts';
import { type Figure, must, type Row, told } from './report/rows.ts';

const { tiers } = bench;
const other: EnvironmentInput = {
  ...bench,
  tiers: {
    ...tiers,
    api: { platform: 'ecs', vcpu: 0.5, memoryMiB: 1024 },
    'document-worker': { platform: 'ecs', vcpu: 0.5, memoryMiB: 2048, parserChildren: 2 },
  },
};
const environment = resolveEnvironment(other);
/** Of a prediction. */
const errorMax = 0.15;
/** As the constants were measured. */
const width = 16;

interface Predicted {
  readonly row: string;
  readonly name: string;
  readonly unit: string;
  readonly measured: number;
  readonly predicted: number;
}

export async function run({ quick }: { readonly quick: boolean }): Promise<Row[]> {
  const lacks = lacksPodman ?? lacksManuals;
  if (lacks) throw new Error(`bench capacity cannot run: ${lacks}`);
  const own = await roundsPerSecond(60);
  const factor = measuredCalibration === undefined ? 1 : own / measuredCalibration;
  const comparable = measuredCalibration !== undefined || cpuModel() === measuredCpu;
  const figures = await withModel(other, slow, (input) => measure(input, quick ? 5000 : 20_000, onCpu(factor)));
  return [
    told(
      comparable ? 'of this CPU, taken into the predictions' : `constants of ${measuredCpu}, without a calibration`,
      {
        row: 'H6',
        name: 'calibration',
        value: own,
        unit: 'rounds/s',
        baseline: measuredCalibration ?? null,
      },
    ),
    ...figures.flatMap((figure) => rowsOf(figure, comparable)),
  ];
}

/** The figure with its prediction as baseline, then how far they are apart. */
function rowsOf({ row, name, unit, measured, predicted }: Predicted, comparable: boolean): Row[] {
  const error: Figure = { row, name: `${name}: error`, value: 100 * (measured / predicted - 1), unit: '%' };
  return [
    told('baseline: prediction', { row, name, value: measured, unit, baseline: predicted }),
    comparable
      ? must(`within ${100 * errorMax}`, Math.abs(error.value) <= 100 * errorMax, error)
      : told('another kind of CPU', error),
  ];
}

async function measure(
  input: EnvironmentInput,
  durationMs: number,
  constants: typeof measuredConstants,
): Promise<Predicted[]> {
  const deployment = await startContainers(input);
  try {
    const { carried, limits, workerMemoryMiB } = capacityOf(environment, 'max', defaultHabits, constants);
    const searches = limits.find(({ part }) => part === 'vectorstore CPU')?.value ?? Number.NaN;
    const subject = await prepare(deployment, extractiveName);
    const slots = await slotsTaken(deployment);
    const saturated = async (tier: LoadKind & ServiceName, predicted: number): Promise<Predicted> => {
      const [{ vcpu }] = environment.tiers[tier] as [Placement];
      const { perVcpu, cpus } = await rate(deployment, tier, width, subject, durationMs);
      return {
        row: 'H6',
        name: `${tier}: calls of ${width} callers, on its ${vcpu} vCPU (it used ${cpus.toFixed(2)})`,
        unit: '/s',
        measured: perVcpu * vcpu,
        predicted,
      };
    };
    const figures = [
      await saturated('api', carried.apiRequestsPerSecond),
      await saturated('vectorstore', searches / 60),
      // Nobody else is there: a tenant gets all but the reserve.
      {
        row: 'H6',
        name: 'chats of one tenant at once',
        unit: '',
        measured: slots,
        predicted: Math.min(slotsOfOne(environment.tiers.chat[0] as Placement), carried.concurrentChats),
      },
    ];
    const huge = await hugeDocument(deployment);
    const seconds = predictedSeconds(environment.tiers['document-worker'][0] as Placement, huge, constants);
    const document = (name: string, unit: string, measured: number, predicted: number): Predicted => ({
      row: 'H6',
      name,
      unit,
      measured,
      predicted,
    });
    return [
      ...figures,
      document(`${huge.parsedPages} pages alone, parsed`, 's', huge.parsedSeconds, seconds.parsing),
      document(`${huge.pages} pages alone, indexed`, 's', huge.indexedSeconds, seconds.indexing),
      document('worker memory', 'MiB', huge.memoryMiB, workerMemoryMiB.needed),
    ];
  } finally {
    await deployment.close();
  }
}

/** Slots in use when twice as many ask as there are. */
async function slotsTaken(deployment: ContainerDeployment): Promise<number> {
  const subject = await prepare(deployment);
  const load = await startLoad('chat', 64, subject);
  await sleep(6000);
  const taken = (await deployment.metric('chat', 'chat_inflight')) ?? Number.NaN;
  await load.stop();
  return taken;
}
