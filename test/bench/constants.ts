/**
 * The constants of the capacity model, measured in the `bench` environment's containers: what one vCPU and one GiB of
 * each tier carries. The full run writes environments/capacity/measured.json. Ratios travel between machines; absolute
 * figures belong to the CPU model that the file names.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { arch, cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { bench } from '../../environments/bench.ts';
import { type EnvironmentInput, placedServices, resolveEnvironment } from '../../environments/environment.ts';
import { optionOf, type Placement } from '../../environments/schema/placement.ts';
import { cpuModel, roundsPerSecond } from '../../services/api/operations/cpu-speed.ts';
import { extractiveName } from '../../services/chat/answering/answerer.ts';
import { definitionOf, type ServiceName } from '../../services/manifest.ts';
import { type ContainerDeployment, startContainers } from '../containers/deployment.ts';
import { evaluate, lacksPodman } from '../containers/podman.ts';
import { lacksManuals } from '../flows/documents.ts';
import { prepare } from './load/calls.ts';
import { type LoadKind, startLoad } from './load/generator.ts';
import { cpuSeconds, hugeDocument, rate, slotsOfOne } from './load/measure.ts';
import { liveMiB, memoryMiB } from './load/memory.ts';
import { slow, withModel } from './load/model.ts';
import { passes, type Row, told } from './report/rows.ts';

interface Constant {
  readonly value: number;
  readonly unit: string;
  readonly how: string;
}

const file = new URL('../../environments/capacity/measured.json', import.meta.url);

export async function run({ quick }: { readonly quick: boolean }): Promise<Row[]> {
  const lacks = lacksPodman ?? lacksManuals;
  if (lacks) throw new Error(`bench constants cannot run: ${lacks}`);
  const constants = await withModel(bench, slow, (environment) => measure(environment, quick ? 5000 : 30_000));
  // What the sheet computes with; starts are also how long scaling out takes. None can be zero: that is no measurement.
  const rows = Object.entries(constants).map(([name, { value, unit }]) =>
    told(null, {
      row: name.startsWith('startSeconds') ? 'D20' : 'D15',
      name,
      value: value > 0 ? value : Number.NaN,
      unit,
    }),
  );
  if (!quick && passes(rows)) await writeFile(file, `${JSON.stringify(await describe(constants), undefined, 2)}\n`);
  return rows;
}

async function measure(environment: EnvironmentInput, durationMs: number): Promise<Record<string, Constant>> {
  const deployment = await startContainers(environment);
  try {
    const idle = await memoryMiB(deployment);
    const subject = await prepare(deployment, extractiveName);
    const constants: Record<string, Constant> = {};
    const perVcpu = async (tier: LoadKind, width: number) =>
      (await rate(deployment, tier, width, subject, durationMs)).perVcpu;

    Object.assign(constants, await streaming(deployment, durationMs));
    constants.apiRequestsPerSecondPerVcpu = {
      value: await perVcpu('api', 16),
      unit: 'requests/s per vCPU',
      how: '16 callers list brains, each with an API key, one call after another; by second of its CPU',
    };
    constants.chatAnswersPerSecondPerVcpu = {
      value: await perVcpu('chat', slots),
      unit: 'answers/s per vCPU',
      how: `${slots} users, one question after another, the extractive answerer; by second of its CPU`,
    };
    constants.vectorstoreSearchesPerSecondPerVcpu = {
      value: await perVcpu('vectorstore', 16),
      unit: 'searches/s per vCPU',
      how: '16 searchers, full text and vectors, a brain of about 110 pages; by second of its CPU',
    };
    Object.assign(constants, await documents(deployment, idle));
    for (const tier of placedServices(resolveEnvironment(environment))) {
      const start = performance.now();
      await deployment.replace(tier);
      constants[`startSeconds ${tier}`] = {
        value: (performance.now() - start) / 1000,
        unit: 's',
        how: `a container of ${vcpuOf(tier)} vCPU from its start to ready, its image already there`,
      };
    }
    return constants;
  } finally {
    await deployment.close();
  }
}

/** Every slot holds an answer as a model writes it. */
async function streaming(deployment: ContainerDeployment, durationMs: number): Promise<Record<string, Constant>> {
  const subject = await prepare(deployment);
  const idle = await liveMiB(deployment.container('chat'));
  const load = await startLoad('chat', slots, subject);
  // The middle of the first answers.
  await sleep(6000);
  const full = await liveMiB(deployment.container('chat'));
  const before = await cpuSeconds(deployment, 'chat');
  await sleep(durationMs);
  const used = (await cpuSeconds(deployment, 'chat')) - before;
  await load.stop();
  return {
    chatMiBPerSlot: {
      value: (full - idle) / slots,
      unit: 'MiB per slot',
      how: `growth of what is alive in a replica, garbage collected, from idle to ${slots} answers of 12 s under way`,
    },
    chatTokensPerSecondPerVcpu: {
      value: (slots * slow.wordsPerSecond * durationMs) / 1000 / used,
      unit: 'tokens/s per vCPU',
      how: `CPU that those answers take, ${slow.wordsPerSecond} tokens a second each, one token per event of the model`,
    },
  };
}

/** A manual of over 2,000 pages, from accepted to searchable. */
async function documents(
  deployment: ContainerDeployment,
  idle: Readonly<Record<string, number>>,
): Promise<Record<string, Constant>> {
  const before = await stored(deployment);
  const { pages, parsedPages, parsedSeconds, indexedSeconds, memoryMiB: memory } = await hugeDocument(deployment);
  const after = await stored(deployment);
  const chunks = after.chunks - before.chunks;
  return {
    parsedPagesPerSecondPerVcpu: {
      value: parsedPages / parsedSeconds / vcpuOf('document-worker'),
      unit: 'pages/s per vCPU',
      how: `${pages} pages of text, from the first checkpoint to the last`,
    },
    indexedPagesPerSecondPerVcpu: {
      value: pages / indexedSeconds / vcpuOf('document-worker'),
      unit: 'pages/s per vCPU',
      how: 'the same pages cut, and upserted; per vCPU of the document-worker',
    },
    workerMiBPerSlot: {
      value: (memory - (idle['document-worker'] ?? Number.NaN)) / parserChildren,
      unit: 'MiB per parser child',
      how: 'growth of a replica from idle to the end of that document',
    },
    workerMiBIdle: {
      value: idle['document-worker'] ?? Number.NaN,
      unit: 'MiB',
      how: 'a replica that is ready and has no work',
    },
    chunksPerPage: { value: chunks / pages, unit: 'chunks', how: 'of that document' },
    chunksPerGiBStored: {
      value: chunks / ((after.bytes - before.bytes) / 2 ** 30),
      unit: 'chunks per GiB',
      how: 'vector tables of that document in the object store: text, 384 dimensions, full-text index',
    },
  };
}

async function stored(deployment: ContainerDeployment): Promise<{ chunks: number; bytes: number }> {
  const chunks = (await deployment.metric('document-worker', 'index_chunks_total')) ?? Number.NaN;
  return { chunks, bytes: Number(await evaluate(deployment.container('vectorstore'), tableBytes)) };
}

const tableBytes = `
  import { readdirSync, statSync } from 'node:fs';
  import { join } from 'node:path';
  let bytes = 0;
  for (const entry of readdirSync('/data', { recursive: true, withFileTypes: true }))
    if (entry.isFile() && entry.parentPath.includes('.lance')) bytes += statSync(join(entry.parentPath, entry.name)).size;
  console.log(bytes);`;

/** Of the bench environment: one placement of each tier. */
const placements = resolveEnvironment(bench).tiers;
const vcpuOf = (tier: ServiceName): number => placements[tier]?.[0]?.vcpu ?? Number.NaN;
const slots = slotsOfOne(placements.chat[0] as Placement);
const parserChildren = Number(
  optionOf(definitionOf('document-worker'), placements['document-worker'][0] as Placement, 'parserChildren'),
);

async function describe(constants: Readonly<Record<string, Constant>>) {
  const { dependencies } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
  const round = (value: number) => Number(value.toPrecision(3));
  return {
    measured: new Date().toISOString().slice(0, 10),
    cpu: cpuModel(),
    architecture: { x64: 'x86_64', arm64: 'arm64' }[arch() as string] ?? arch(),
    calibration: round(await roundsPerSecond(60)),
    cores: cpus().length,
    node: dependencies.node,
    method:
      'npm run bench -- constants: the bench environment in containers under its limits, one tier loaded at a time',
    constants: Object.fromEntries(
      Object.entries(constants).map(([name, constant]) => [name, { ...constant, value: round(constant.value) }]),
    ),
  };
}
