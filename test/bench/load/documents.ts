/** What documents and their vectors take: time, CPU of each tier, memory, and what is stored of them. */
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '@lancedb/lancedb';
import type { Environment } from '../../../environments/environment.ts';
import { optionOf, type Placement } from '../../../environments/schema/placement.ts';
import { definitionOf, type ServiceName } from '../../../services/manifest.ts';
import { routes } from '../../../services/shared/contract/routes.ts';
import type { ContainerDeployment } from '../../containers/deployment.ts';
import { podman } from '../../containers/podman.ts';
import { manualPdf } from '../../flows/documents.ts';
import { searched } from '../search.ts';
import { uploadCopy } from './calls.ts';
import type { Constant, Measured, Recorder } from './constant.ts';
import { cpuSeconds, hugeDocument } from './measure.ts';

/** The tables are tidied 5 to 10 s after the last write (services/vectorstore/maintenance/compaction.ts). */
const tidiedMs = 15_000;

/** One alone takes a second or two of a worker's CPU, of which timers and what V8 compiles are too large a share. */
const manuals = 4;

/** Manuals of about 110 pages, one after another, until each of their chunks has its vectors. */
export async function vectors(deployment: ContainerDeployment): Promise<Measured> {
  const { owner } = deployment;
  const brain = (await owner.call(routes.createBrain, { body: { name: 'vectors' } })).id;
  const chunksOf = async () => (await deployment.metric('document-worker', 'index_chunks_total')) ?? Number.NaN;
  const tiers = { embedding: 'embedding', worker: 'document-worker', vectorstore: 'vectorstore' } as const;
  const used = { embedding: 0, worker: 0, vectorstore: 0 };
  const readers = Object.entries(tiers) as [keyof typeof tiers, ServiceName][];
  const addCpu = async (sign: 1 | -1, names: readonly (keyof typeof tiers)[]) => {
    for (const [name, tier] of readers)
      if (names.includes(name)) used[name] += sign * (await cpuSeconds(deployment, tier));
  };
  const one = async () => {
    const job = await owner.finished(await uploadCopy(owner, brain, manualPdf), 300_000);
    await addCpu(-1, ['embedding', 'worker', 'vectorstore']);
    await owner.searchedWhole(job.document_id as string, 600_000);
    await addCpu(1, ['embedding', 'worker']);
    await sleep(tidiedMs);
    await addCpu(1, ['vectorstore']);
  };
  // Of the manual before, too.
  const { data } = await owner.call(routes.listBrains);
  for (const { id } of data)
    for (const document of (await owner.call(routes.listDocuments, { params: { brain: id } })).data)
      await owner.searchedWhole(document.id, 600_000);
  await sleep(tidiedMs);
  const chunksBefore = await chunksOf();
  for (let copy = 0; copy < manuals; copy += 1) await one();
  const chunks = (await chunksOf()) - chunksBefore;
  const per = (tier: keyof typeof tiers, what: string): Constant => ({
    value: chunks / used[tier],
    unit: 'chunks/s per vCPU',
    how: `vectors of ${manuals} manuals of about 110 pages, one after another, ${what}`,
  });
  const bytes = await tidiedTableBytes(deployment);
  return {
    embeddedChunksPerSecondPerVcpu: per('embedding', 'heading and sentences of each chunk, by second of its CPU'),
    workerVectorChunksPerSecondPerVcpu: per('worker', "by second of the worker's CPU"),
    vectorstoreVectorChunksPerSecondPerVcpu: per('vectorstore', "by second of the vectorstore's, tables tidied"),
    chunksPerGiBStored: {
      value: (await chunksOf()) / (bytes / 2 ** 30),
      unit: 'chunks per GiB',
      how: 'tables of five such manuals, tidied: text, its index, 512 dimensions of each chunk and its sentences',
    },
  };
}

type Volume = 'documents' | 'postgres';

/** Of a volume, where this machine has it. */
async function folderOf(deployment: ContainerDeployment, volume: Volume): Promise<string> {
  return (await podman('volume', 'inspect', '--format={{.Mountpoint}}', deployment.container(volume))).trim();
}

async function bytesOf(
  deployment: ContainerDeployment,
  which: (folder: string) => boolean,
  volume: Volume = 'documents',
): Promise<number> {
  const entries = await readdir(await folderOf(deployment, volume), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && which(entry.parentPath));
  const sizes = await Promise.all(
    files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name)).catch(() => undefined))?.size ?? 0),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Versions of before are gone after five minutes; here at once. */
async function tidiedTableBytes(deployment: ContainerDeployment): Promise<number> {
  const entries = await readdir(await folderOf(deployment, 'documents'), { recursive: true, withFileTypes: true });
  for (const { name, parentPath } of entries.filter((entry) => entry.isDirectory() && entry.name.endsWith('.lance'))) {
    const connection = await connect(parentPath);
    const table = await connection.openTable(basename(name, '.lance'));
    await table.optimize({ cleanupOlderThan: new Date() });
    connection.close();
  }
  return bytesOf(deployment, (folder) => folder.includes('.lance'));
}

/** A manual of over 2,000 pages, from accepted to searchable. */
export async function documents(
  deployment: ContainerDeployment,
  tiers: Environment['tiers'],
  idle: Readonly<Record<string, number>>,
): Promise<Measured> {
  const worker = tiers['document-worker'][0] as Placement;
  const parserChildren = Number(optionOf(definitionOf('document-worker'), worker, 'parserChildren'));
  const stored = async () => ({
    chunks: (await deployment.metric('document-worker', 'index_chunks_total')) ?? 0,
    results: await bytesOf(deployment, (folder) => folder.endsWith('/pages')),
    rows: await bytesOf(deployment, (folder) => folder.includes('/base/'), 'postgres'),
  });
  const before = await stored();
  const huge = await hugeDocument(deployment);
  const { pages, parsedPages, parsedSeconds, indexCpu, memoryMiB: memory } = huge;
  const after = await stored();
  const kib = (bytes: number, how: string): Constant => ({ value: bytes / pages / 1024, unit: 'KiB per page', how });
  return {
    parsedPagesPerSecondPerVcpu: {
      value: parsedPages / parsedSeconds / worker.vcpu,
      unit: 'pages/s per vCPU',
      how: `${pages} pages of text, from the first checkpoint to the last`,
    },
    indexedPagesPerSecondPerVcpu: {
      value: pages / indexCpu.worker,
      unit: 'pages/s per vCPU',
      how: 'the same pages cut and handed over, until they are found by their words; by second of the CPU of the worker',
    },
    committedPagesPerSecondPerVcpu: {
      value: pages / indexCpu.vectorstore,
      unit: 'pages/s per vCPU',
      how: "meanwhile, by second of the vectorstore's CPU",
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
    chunksPerPage: { value: (after.chunks - before.chunks) / pages, unit: 'chunks', how: 'of that document' },
    resultKiBPerPage: kib(
      after.results - before.results,
      'results of its pages in the object store, without the upload',
    ),
    databaseKiBPerPage: kib(after.rows - before.rows, 'growth of the files of PostgreSQL by that document'),
  };
}

/** Searches in a large brain, in this process. */
export async function searching(recorder: Recorder, rows: number): Promise<Measured> {
  return recorder.atSpeed(async () => {
    const { cpuSecondsEach, cacheBytes } = await searched(rows);
    return {
      largeSearchesPerSecondPerVcpu: {
        value: 1 / cpuSecondsEach,
        unit: 'searches/s per vCPU',
        how: `full text and vectors, a brain of ${rows.toLocaleString('en')} chunks, who asks in the same process`,
      },
      cacheKiBPerChunk: {
        value: cacheBytes / rows / 1024,
        unit: 'KiB per chunk',
        how: 'indexes and files of that brain in the cache after 100 searches',
      },
    };
  });
}
