/** Writes that wait for a brain's writer go in one commit, and each has the outcome that it would have had alone. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { vectorstorePaths } from '../../../services/shared/contract/vectorstore.ts';
import { createLogger } from '../../../services/shared/log.ts';
import { createGroupCommit, type Write } from '../../../services/vectorstore/tables/group-commit.ts';
import { startServices, type TestServices } from '../../support/stores.ts';
import { loseLocks, newCommitGate, raiseEpoch } from './commit-gate.ts';
import {
  chunksOf,
  dimensions,
  remove,
  startVectorstore,
  storedRows,
  type TestBrain,
  type TestVectorstore,
  upsert,
} from './fixture.ts';

let services: TestServices;
let replica: TestVectorstore;
/** Every commit of this one waits at the gate, and then does what the test says. */
let slow: TestVectorstore;
const gate = newCommitGate();
beforeAll(async () => {
  services = await startServices();
  replica = await startVectorstore(services);
  slow = await startVectorstore(services, undefined, gate.pass);
});
afterEach(() => gate.reset());
afterAll(async () => {
  gate.open();
  await slow.close();
  await replica.close();
  await services.close();
});

const raise = (brain: TestBrain, epoch: number) => raiseEpoch(services, brain, epoch);
const statuses = async (answers: readonly Promise<{ status: number }>[]) =>
  (await Promise.all(answers)).map(({ status }) => status);

async function brainWith(documents: number): Promise<TestBrain[]> {
  const brain = await replica.newBrain();
  const others = Array.from({ length: documents - 1 }, async () => ({
    ...brain,
    documentId: await replica.newDocument(brain),
  }));
  return [brain, ...(await Promise.all(others))];
}

/** The first is at its commit, the others wait behind it. */
async function behindFirst<Answer>(brains: readonly TestBrain[], send: (brain: TestBrain) => Promise<Answer>) {
  const [first, ...others] = brains as [TestBrain, ...TestBrain[]];
  const answers = [send(first)];
  await gate.reached();
  answers.push(...others.map(send));
  // Verified, parsed and in the queue.
  await sleep(300);
  return answers;
}

test('documents that wait for one commit are written in the next, all of them, and none before', async () => {
  const brains = await brainWith(7);
  const answers = await behindFirst(brains, (brain) => upsert(slow, brain, [`text of ${brain.documentId}`, 'more']));
  expect(gate.commits).toBe(1);
  for (const brain of brains.slice(1)) await expect(storedRows(services, brain)).resolves.toEqual([]);
  gate.open();
  expect(await statuses(answers)).toEqual(brains.map(() => 200));
  expect(gate.commits).toBe(2);
  for (const brain of brains)
    expect(await storedRows(services, brain)).toEqual(['more @ 0', `text of ${brain.documentId} @ 0`]);
});

test('a document that is deleted or indexed anew meanwhile is refused alone', async () => {
  const brains = await brainWith(5);
  const answers = await behindFirst(brains, (brain) => upsert(slow, brain, ['text'], 1));
  const [, deleted, anew] = brains as [TestBrain, TestBrain, TestBrain];
  await services.query('update documents set index_epoch = 2, deleted_at = now() where id = $1', [deleted.documentId]);
  await raise(anew, 2);
  gate.open();
  expect(await statuses(answers)).toEqual([200, 410, 409, 200, 200]);
  expect(gate.commits).toBe(2);
  expect(await Promise.all(brains.map((brain) => storedRows(services, brain)))).toEqual([
    ['text @ 1'],
    [],
    [],
    ['text @ 1'],
    ['text @ 1'],
  ]);
});

test('of two runs of a document that wait together the older one is refused, and leaves nothing', async () => {
  const [first, twice] = (await brainWith(2)) as [TestBrain, TestBrain];
  const answers = await behindFirst([first, twice], (brain) => upsert(slow, brain, ['first run', 'first run'], 1));
  await raise(twice, 2);
  answers.push(upsert(slow, twice, ['second run'], 2));
  await sleep(300);
  gate.open();
  expect(await statuses(answers)).toEqual([200, 409, 200]);
  expect(await storedRows(services, twice)).toEqual(['second run @ 2']);
});

test('where the table has rows of a newer run, only the older one of a group is refused, and leaves nothing', async () => {
  const brains = await brainWith(4);
  const older = brains[2] as TestBrain;
  // A run that PostgreSQL hears of only while the group is at its commit.
  await upsert(replica, older, ['newer run'], 2);
  const answers = await behindFirst(brains, (brain) => upsert(slow, brain, ['text', 'text'], 1));
  gate.atCommit((number) => number === 2 && raise(older, 2));
  gate.open();
  expect(await statuses(answers)).toEqual([200, 200, 409, 200]);
  expect(await Promise.all(brains.map((brain) => storedRows(services, brain)))).toEqual([
    ['text @ 1', 'text @ 1'],
    ['text @ 1', 'text @ 1'],
    ['newer run @ 2'],
    ['text @ 1', 'text @ 1'],
  ]);
});

test('a group whose commit fails is written one by one: only what fails alone is told so', async () => {
  const brains = await brainWith(5);
  const answers = await behindFirst(brains, (brain) => upsert(slow, brain, ['text']));
  // The group's, then that of the second of four.
  gate.atCommit((number) => {
    if (number === 2 || number === 4) throw new Error('the object store answers 500');
  });
  gate.open();
  const [first, ...group] = await statuses(answers);
  expect([first, group.toSorted()]).toEqual([200, [200, 200, 200, 500]]);
  expect(gate.commits).toBe(6);
  expect((await Promise.all(brains.map((brain) => storedRows(services, brain)))).map(({ length }) => length)).toEqual(
    [first, ...group].map((status) => (status === 200 ? 1 : 0)),
  );
});

test('a group that lost its lock tells nobody that it was written, and takes nothing from a newer run', async () => {
  const brains = await brainWith(4);
  const [, anew, gone, innocent] = brains as [TestBrain, TestBrain, TestBrain, TestBrain];
  gate.open();
  await upsert(slow, brains[0] as TestBrain, ['text']);
  gate.reset();
  const answers = await behindFirst(brains, (brain) => upsert(slow, brain, ['first run', 'first run'], 1));
  // The first goes through; the group stands at its commit.
  gate.letThrough();
  await gate.reached(2);
  await loseLocks(services);
  await raise(anew, 2);
  expect((await remove(replica, anew, 2)).status).toBe(200);
  await services.query('update documents set index_epoch = 2, deleted_at = now() where id = $1', [gone.documentId]);
  expect((await remove(replica, gone, 2)).status).toBe(200);
  gate.open();
  const [, ...lost] = await statuses(answers);
  expect(lost).toEqual([503, 503, 503]);
  expect((await upsert(replica, anew, ['second run'], 2)).status).toBe(200);
  expect(await storedRows(services, anew)).toEqual(['second run @ 2']);
  expect(await storedRows(services, gone)).toEqual([]);
  expect((await upsert(replica, innocent, ['first run', 'first run'], 1)).status).toBe(200);
  expect(await storedRows(services, innocent)).toEqual(['first run @ 1', 'first run @ 1']);
});

test('vectors of documents that wait are one commit too; each is told of its own chunks', async () => {
  const brains = await brainWith(4);
  const [, , without] = brains as [TestBrain, TestBrain, TestBrain];
  const found = async (brain: TestBrain) => {
    const vectors = chunksOf(brain.documentId, ['a', 'b']).map(({ id, vector }) => ({ id, vector }));
    const path = vectorstorePaths.vectors(brain.brainId, brain.documentId);
    return (await slow.post(path, brain, { epoch: 1, model: 'some-model', dimensions, vectors })).body.chunks;
  };
  for (const brain of brains) if (brain !== without) await upsert(replica, brain, ['a', 'b'], 1);
  const answers = await behindFirst(brains, found);
  gate.open();
  expect(await Promise.all(answers)).toEqual([2, 2, 0, 2]);
  expect(gate.commits).toBe(2);
});

test('after a small commit the next writes are gathered, after a large one they are not', async () => {
  const [brain] = (await brainWith(1)) as [TestBrain];
  const groups: string[][] = [];
  const write = createGroupCommit<Write, null>({
    lock: { hold: (_, run) => run(new AbortController().signal) },
    log: createLogger('test', { level: 'silent' }),
    refusals: async (_, writes) => writes.map(() => null),
    commit: async (_, writes) => {
      groups.push(writes.map(({ run }) => run.documentId));
      return writes.map(() => null);
    },
    failed: async () => {},
  });
  const send = (documentId: string, rows: number) =>
    write(brain, { run: { documentId, epoch: 1 }, embedding: null, rows: Array(rows).fill({ text: 'text' }) });
  // In between no timer can end, however slow the machine is.
  const moment = async () => {
    for (let turn = 0; turn < 100; turn += 1) await null;
  };
  await send('small', 1);
  const gathered = [send('second', 1)];
  await moment();
  gathered.push(send('third', 100));
  await Promise.all(gathered);
  expect(groups).toEqual([['small'], ['second', 'third']]);
  const after = send('fourth', 1);
  await moment();
  expect(groups).toHaveLength(3);
  await after;
});
