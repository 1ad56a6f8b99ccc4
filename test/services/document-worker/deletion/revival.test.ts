/** A deletion that stands still is given to another worker; one that takes long is not. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { startBackground } from '../../../../services/document-worker/background.ts';
import { openVectors } from '../../../../services/document-worker/index/vectors.ts';
import { reviveTasks } from '../../../../services/shared/jobs/background-jobs.ts';
import { signerOf } from '../../../support/service-keys.ts';
import { type Bench, openBench } from '../fixture.ts';
import { openGate } from '../index/gate.ts';

let bench: Bench;
let gate: Awaited<ReturnType<typeof openGate>>;
beforeAll(async () => {
  bench = await openBench();
  gate = await openGate(bench.env.VECTORSTORE_URL);
});
afterAll(async () => {
  await gate.close();
  await bench.close();
});

let background: { close(): Promise<void> } | undefined;
const start = async (sayEveryMs: number) => {
  background = await startBackground({
    ...bench,
    log: bench.services.log,
    vectors: openVectors(gate.url, await signerOf('document-worker')),
    scheduler: { remove: async () => {} },
    usdPerPage: null,
    order: async () => undefined,
    sayEveryMs,
  });
};
afterEach(async () => {
  gate.letThrough(Number.POSITIVE_INFINITY);
  await background?.close();
  background = undefined;
});

const ended = ({ finished_at }: { finished_at: Date | null }) => finished_at !== null;
const moves = ({ moved_at }: { moved_at: Date }) => moved_at.getTime() > Date.now() - 30_000;
const orderedBefore = (jobId: string) =>
  bench.services.query(`update jobs set status = 'running', moved_at = now() - interval '2 minutes' where id = $1`, [
    jobId,
  ]);
const tasksOf = async (jobId: string) =>
  (await bench.services.query(`select from graphile_worker._private_jobs where payload ->> 'jobId' = $1`, [jobId]))
    .length;
const orderDeletion = async () => {
  const { documentId } = await bench.submit(Buffer.from('One page.'), 'text/plain');
  return bench.order('delete_document', documentId);
};

test('one that waits for minutes for the vectorstore says that it moves, and no other worker begins it', async () => {
  gate.letThrough(0);
  await start(50);
  const jobId = await orderDeletion();
  await gate.until(({ held }) => held > 0);
  await orderedBefore(jobId);
  await bench.until(jobId, moves);
  await reviveTasks(bench.db);
  expect(await tasksOf(jobId)).toBe(1);
  gate.letThrough(Number.POSITIVE_INFINITY);
  expect(await bench.until(jobId, ended)).toMatchObject({ status: 'succeeded' });
});

test('one whose worker is gone is begun again by the next', async () => {
  const jobId = await orderDeletion();
  await orderedBefore(jobId);
  await bench.services.query(
    `update graphile_worker._private_jobs set locked_at = now(), locked_by = 'gone' where payload ->> 'jobId' = $1`,
    [jobId],
  );
  await start(50);
  await reviveTasks(bench.db);
  expect(await bench.until(jobId, ended)).toMatchObject({ status: 'succeeded' });
});
