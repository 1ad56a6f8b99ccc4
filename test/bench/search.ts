/**
 * Search in a large brain: the vectorstore tier over HTTP, made vectors in clusters as texts about the same make them.
 * `BENCH_ROWS=100000` for another size. What is found by vectors alone is held against every vector compared exactly; full text alone is the baseline of the time.
 */
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { connect } from '@lancedb/lancedb';
import { Field, FixedSizeList, Float32, Int32, makeData, makeVector, Table, Utf8, vectorFromArray } from 'apache-arrow';
import { type Hit, vectorstorePaths } from '../../services/shared/contract/vectorstore.ts';
import { compact } from '../../services/vectorstore/maintenance/table-compaction.ts';
import { createTable, vectorColumns } from '../../services/vectorstore/tables/table-schema.ts';
import { startVectorstore, tokenFor } from '../services/vectorstore/fixture.ts';
import { startServices } from '../support/stores.ts';
import setup from '../support/stores-server.ts';
import teardown from '../support/stores-teardown.ts';
import { quantiles } from './load/probe.ts';
import { atMost, must, onQuietMachine, type Row, told } from './report/rows.ts';

const p95MsMax = 15;
const recallMin = 0.97;
const embedding = { model: 'made', dimensions: 512 };
const { dimensions } = embedding;
const hitsWanted = 10;
const queries = 100;
/** A cluster is what documents say about one thing. */
const rowsOfCluster = 200;
const rowsAtOnce = 10_000;
/** All of its indexes. */
const cacheMiB = 512;

export async function run({ quick }: { readonly quick: boolean }): Promise<Row[]> {
  const rows = Number(process.env.BENCH_ROWS ?? (quick ? 20_000 : 500_000));
  const { both, text, recall } = await searched(rows);
  const name = `over HTTP, ${rows.toLocaleString('en')} chunks`;
  const p95 = { row: 'D7', name: `p95 of a search ${name}`, unit: 'ms' };
  const baseline = quantiles(text);
  return [
    onQuietMachine(quick, atMost(p95MsMax, { ...p95, value: quantiles(both).p95Ms, baseline: baseline.p95Ms })),
    told(null, {
      ...p95,
      name: `median of a search ${name}`,
      value: quantiles(both).p50Ms,
      baseline: baseline.p50Ms,
    }),
    must(`>= ${recallMin}`, recall >= recallMin, {
      row: 'D7',
      name: `recall@${hitsWanted} ${name}`,
      value: recall,
      unit: '',
    }),
  ];
}

export interface Searched {
  /** By words and vectors together, and by words alone. */
  readonly both: readonly number[];
  readonly text: readonly number[];
  readonly recall: number;
  /** Of this process for a search by both, who asks included. */
  readonly cpuSecondsEach: number;
  readonly cacheBytes: number;
}

/** A brain of so many chunks, each query once. */
export async function searched(rows: number): Promise<Searched> {
  await setup();
  const services = await startServices();
  const store = await startVectorstore(services, undefined, undefined, cacheMiB);
  try {
    const brain = await store.newBrain();
    const vectors = makeVectors(rows);
    const folder = fileURLToPath(services.documentStoreUrl);
    const connection = await connect(`${folder}/tenants/${brain.tenantId}/brains/${brain.brainId}/`);
    const table = await createTable(connection, embedding);
    for (let at = 0; at < rows; at += rowsAtOnce)
      await table.add(batchOf(brain.documentId, vectors, at, Math.min(rows, at + rowsAtOnce)));
    await compact(table, { cleanupOlderThan: new Date(), purge: false, cleanup: false });
    connection.close();

    const { http } = store.app;
    await http.listen({ host: '127.0.0.1', port: 0 });
    const path = vectorstorePaths.search(brain.brainId);
    const url = `http://127.0.0.1:${(http.server.address() as AddressInfo).port}${path}`;
    const search = async (query: string, vector?: Float32Array) => {
      const body = JSON.stringify({ query, limit: hitsWanted, ...(vector && { model: 'made', vector: [...vector] }) });
      // It holds for a minute.
      const authorization = `Bearer ${await tokenFor(path, brain)}`;
      const start = performance.now();
      const answer = await fetch(url, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body,
      });
      if (!answer.ok) throw new Error(`a search answered ${answer.status}: ${await answer.text()}`);
      const { hits } = (await answer.json()) as { hits: Hit[] };
      return { hits, ms: performance.now() - start };
    };
    const asked = Array.from({ length: queries }, (_, index) => {
      const row = Math.floor(((index + 0.5) * rows) / queries);
      return { text: textOf(row), vector: near(vectors.subarray(row * dimensions, (row + 1) * dimensions)) };
    });
    // The index comes into the cache.
    for (const { text, vector } of asked) await search(text, vector);
    const both: number[] = [];
    const text: number[] = [];
    let found = 0;
    const before = process.cpuUsage();
    for (const each of asked) both.push((await search(each.text, each.vector)).ms);
    const { user, system } = process.cpuUsage(before);
    for (const each of asked) {
      text.push((await search(each.text)).ms);
      const { hits } = await search(noWord, each.vector);
      const exact = new Set(nearest(vectors, each.vector));
      found += hits.filter(({ start }) => exact.has(start)).length;
    }
    return {
      both,
      text,
      recall: found / (queries * hitsWanted),
      cpuSecondsEach: (user + system) / 1e6 / queries,
      cacheBytes: store.store.cacheBytes(),
    };
  } finally {
    await store.close();
    await services.close();
    await teardown();
  }
}

/** The same in every run. */
let state = 1;
const random = () => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
};
const noise = () => random() + random() + random() - 1.5;

/** Texts of a cluster have a cosine of about 0.7: sentences about the same. */
const spread = 1.3;

function makeVectors(rows: number): Float32Array {
  const vectors = new Float32Array(rows * dimensions);
  let centre = new Float32Array(dimensions);
  for (let row = 0; row < rows; row++) {
    if (row % rowsOfCluster === 0) centre = Float32Array.from({ length: dimensions }, noise);
    const vector = vectors.subarray(row * dimensions, (row + 1) * dimensions);
    for (let at = 0; at < dimensions; at++) vector[at] = (centre[at] as number) + (spread / 2) * noise();
    normalize(vector);
  }
  return vectors;
}

const near = (vector: Float32Array) => normalize(vector.map((value) => value + 0.02 * noise()));

function normalize(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  for (let at = 0; at < vector.length; at++) vector[at] = (vector[at] as number) / length;
  return vector;
}

/** Rows, best first. */
function nearest(vectors: Float32Array, query: Float32Array): number[] {
  const best: { readonly row: number; readonly cosine: number }[] = [];
  for (let row = 0; row * dimensions < vectors.length; row++) {
    let cosine = 0;
    for (let at = 0; at < dimensions; at++)
      cosine += (vectors[row * dimensions + at] as number) * (query[at] as number);
    if (best.length === hitsWanted && cosine <= (best.at(-1)?.cosine ?? 0)) continue;
    best.push({ row, cosine });
    best.sort((a, b) => b.cosine - a.cosine);
    best.length = Math.min(best.length, hitsWanted);
  }
  return best.map(({ row }) => row);
}

/** A rare word, one that a cluster shares, and some that stand in a hundredth, a thirteenth and a seventh of all. */
const textOf = (row: number) =>
  `The number${row} of series${Math.floor(row / rowsOfCluster)} is in store${row % 97} with shelf${row % 13}, for team${row % 7}.`;
const noWord = 'qqqq';

function batchOf(documentId: string, vectors: Float32Array, from: number, to: number): Table {
  const index = Array.from({ length: to - from }, (_, at) => from + at);
  const texts = (value: (row: number) => string) => vectorFromArray(index.map(value), new Utf8());
  const numbers = (value: (row: number) => number) => vectorFromArray(index.map(value), new Int32());
  const data = vectors.slice(from * dimensions, to * dimensions);
  const list = new FixedSizeList(dimensions, new Field('item', new Float32(), true));
  const child = makeData({ type: new Float32(), length: data.length, data });
  return new Table({
    id: texts((row) => `${documentId}:1:${row}`),
    document_id: texts(() => documentId),
    page_number: numbers(() => 1),
    start: numbers((row) => row),
    end: numbers((row) => row + 1),
    text: texts(textOf),
    heading: texts(() => 'Stores'),
    cjk_words: texts(() => ''),
    cjk_bigrams: texts(() => ''),
    identifiers: texts(() => ''),
    [vectorColumns(embedding).vector]: makeVector(makeData({ type: list, length: to - from, child })),
  });
}
