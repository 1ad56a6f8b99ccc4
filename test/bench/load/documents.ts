/** What documents and their vectors take: time, CPU of each tier, memory, and what is stored of them. */
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '@lancedb/lancedb';
import type { Environment } from '../../../environments/environment.ts';
import { optionOf, type Placement } from '../../../environments/schema/placement.ts';
import { definitionOf } from '../../../services/manifest.ts';
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

const vectorTiers = { embedding: 'embedding', worker: 'document-worker', vectorstore: 'vectorstore' } as const;
type Cpu = Readonly<Record<keyof typeof vectorTiers, number>>;

/** CPU seconds of each tier, less what it takes when nobody asks anything, and how often a table was tidied. */
export interface VectorWork {
  readonly chunks: number;
  /** From the text's last chunk to the last vector. */
  readonly writing: Cpu & { readonly tidied: number };
  /** Of the vectorstore afterwards. */
  readonly after: { readonly vectorstore: number; readonly tidied: number };
}

/** What a chunk takes, and what tidying a manual's table takes; how often that happens is a matter of the clock. */
export function vectorRates({ chunks, writing, after }: VectorWork) {
  const tidySeconds = after.vectorstore / after.tidied;
  return {
    tidySeconds,
    embedding: chunks / writing.embedding,
    worker: chunks / writing.worker,
    vectorstore: chunks / (writing.vectorstore - writing.tidied * tidySeconds),
  };
}

/** Manuals of about 110 pages, each in a brain of its own, one after another, until each of their chunks has its vectors. */
export async function vectorWork(deployment: ContainerDeployment): Promise<VectorWork> {
  const { owner } = deployment;
  const chunksOf = async () => (await deployment.metric('document-worker', 'index_chunks_total')) ?? Number.NaN;
  const now = async () => ({
    embedding: await cpuSeconds(deployment, vectorTiers.embedding),
    worker: await cpuSeconds(deployment, vectorTiers.worker),
    vectorstore: await cpuSeconds(deployment, vectorTiers.vectorstore),
    tidied: (await podman('logs', deployment.container('vectorstore'))).split('"table tidied"').length - 1,
    seconds: performance.now() / 1000,
  });
  type Moment = Awaited<ReturnType<typeof now>>;
  const since = (from: Moment, to: Moment): Moment =>
    Object.fromEntries(Object.entries(to).map(([name, value]) => [name, value - from[name as keyof Moment]])) as Moment;
  // Of the manual before, too.
  const { data } = await owner.call(routes.listBrains);
  for (const { id } of data)
    for (const document of (await owner.call(routes.listDocuments, { params: { brain: id } })).data)
      await owner.searchedWhole(document.id, 600_000);
  await sleep(tidiedMs);
  const quiet = await now();
  await sleep(tidiedMs);
  const idle = since(quiet, await now());
  const used = (from: Moment, to: Moment): Moment => {
    const all = since(from, to);
    const own = (tier: keyof Cpu) => all[tier] - (idle[tier] / idle.seconds) * all.seconds;
    return { ...all, embedding: own('embedding'), worker: own('worker'), vectorstore: own('vectorstore') };
  };
  const chunksBefore = await chunksOf();
  const writing = { embedding: 0, worker: 0, vectorstore: 0, tidied: 0 };
  const after = { vectorstore: 0, tidied: 0 };
  const add = <Sum extends Record<string, number>>(sum: Sum, more: Moment) => {
    for (const name of Object.keys(sum)) Object.assign(sum, { [name]: (sum[name] ?? 0) + more[name as keyof Moment] });
  };
  for (let copy = 0; copy < manuals; copy += 1) {
    const brain = (await owner.call(routes.createBrain, { body: { name: `vectors ${copy}` } })).id;
    const job = await owner.finished(await uploadCopy(owner, brain, manualPdf), 300_000);
    const text = await now();
    await owner.searchedWhole(job.document_id as string, 600_000);
    const whole = await now();
    await sleep(tidiedMs);
    add(writing, used(text, whole));
    add(after, used(whole, await now()));
  }
  return { chunks: (await chunksOf()) - chunksBefore, writing, after };
}

export async function vectors(deployment: ContainerDeployment): Promise<Measured> {
  const work = await vectorWork(deployment);
  const rates = vectorRates(work);
  const manual = `vectors of ${manuals} manuals of about 110 pages, one after another,`;
  const per = (value: number, what: string): Constant => ({
    value,
    unit: 'chunks/s per vCPU',
    how: `${manual} ${what}`,
  });
  const chunks = (await deployment.metric('document-worker', 'index_chunks_total')) ?? Number.NaN;
  const bytes = await tidiedTableBytes(deployment);
  return {
    embeddedChunksPerSecondPerVcpu: per(
      rates.embedding,
      "heading and sentences of each chunk, by second of its CPU, less an idle replica's",
    ),
    workerVectorChunksPerSecondPerVcpu: per(rates.worker, "by second of the worker's CPU, less an idle replica's"),
    vectorstoreVectorChunksPerSecondPerVcpu: per(
      rates.vectorstore,
      "by second of the vectorstore's CPU, less an idle replica's and tidying",
    ),
    tidySeconds: {
      value: rates.tidySeconds,
      unit: 's of CPU',
      how: "of the vectorstore, to tidy such a manual's table once",
    },
    chunksPerGiBStored: {
      value: chunks / (bytes / 2 ** 30),
      unit: 'chunks per GiB',
      how: 'brains of one such manual each, tidied: text, its index, 512 dimensions of each chunk and its sentences',
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
