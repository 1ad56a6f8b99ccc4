/** A writer whose lock connection broke, or that was frozen, must not touch what a newer run wrote. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { startServices, type TestServices } from '../../support/stores.ts';
import { loseLocks, newCommitGate, raiseEpoch } from './commit-gate.ts';
import { remove, startVectorstore, storedRows, type TestBrain, type TestVectorstore, upsert } from './fixture.ts';

let services: TestServices;
let replica: TestVectorstore;
/** Every commit of this one waits at the gate. */
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

async function loseLock(): Promise<void> {
  await gate.reached();
  await loseLocks(services);
}

test('an older run is refused: it can neither write nor delete, also on a replica that has just started', async () => {
  const brain = await replica.newBrain();
  await raise(brain, 2);
  expect((await upsert(replica, brain, ['second run'], 2)).status).toBe(200);
  const restarted = await startVectorstore(services);
  try {
    for (const store of [replica, restarted])
      for (const late of [await upsert(store, brain, ['first run'], 1), await remove(store, brain, 1)])
        expect([late.status, late.body.detail]).toEqual([
          409,
          `Document ${brain.documentId} was taken over by a newer run than 1.`,
        ]);
  } finally {
    await restarted.close();
  }
  expect(await storedRows(services, brain)).toEqual(['second run @ 2']);
});

test.each([
  ['writes the same chunks', ['first run', 'first run']],
  ['writes more chunks', ['first run', 'first run', 'first run']],
])('a frozen writer that %s after a newer run leaves nothing, and is not told that it did', async (_what, texts) => {
  const brain = await replica.newBrain();
  await raise(brain, 1);
  const frozen = upsert(slow, brain, texts, 1);
  await loseLock();
  await raise(brain, 2);
  expect((await remove(replica, brain, 2)).status).toBe(200);
  expect((await upsert(replica, brain, ['second run', 'second run'], 2)).status).toBe(200);
  gate.open();
  expect([409, 503]).toContain((await frozen).status);
  expect(await storedRows(services, brain)).toEqual(['second run @ 2', 'second run @ 2']);
});

test('a frozen deletion of an older run removes nothing of a newer one', async () => {
  const brain = await replica.newBrain();
  await raise(brain, 1);
  await upsert(replica, brain, ['first run', 'first run'], 1);
  const frozen = remove(slow, brain, 1);
  await loseLock();
  await raise(brain, 2);
  await upsert(replica, brain, ['second run', 'second run'], 2);
  gate.open();
  expect((await frozen).status).toBe(503);
  expect(await storedRows(services, brain)).toEqual(['second run @ 2', 'second run @ 2']);
});

test('a frozen writer brings no deleted document back', async () => {
  const brain = await replica.newBrain();
  await raise(brain, 1);
  const frozen = upsert(slow, brain, ['first run'], 1);
  await loseLock();
  await services.query('update documents set index_epoch = 2, deleted_at = now() where id = $1', [brain.documentId]);
  expect((await remove(replica, brain, 2)).status).toBe(200);
  await services.query('delete from documents where id = $1', [brain.documentId]);
  gate.open();
  expect((await frozen).status).toBe(503);
  expect(await storedRows(services, brain)).toEqual([]);
});

test('a writer that lost its lock, though no newer run is there, is told to write again', async () => {
  const brain = await replica.newBrain();
  const frozen = upsert(slow, brain, ['only run'], 0);
  await loseLock();
  gate.open();
  const answer = await frozen;
  expect([answer.status, answer.body.detail, answer.headers['retry-after']]).toEqual([
    503,
    `The lock of brain ${brain.brainId} was lost in mid-write. Try again.`,
    '2',
  ]);
  expect((await upsert(replica, brain, ['only run'], 0)).status).toBe(200);
  expect(await storedRows(services, brain)).toEqual(['only run @ 0']);
});

test('what a writer that died could not take back is found later', async () => {
  const brain = await replica.newBrain();
  const gone = { ...brain, documentId: await replica.newDocument(brain) };
  await upsert(replica, gone, ['of a deleted document'], 0);
  await upsert(replica, brain, ['first run', 'first run', 'first run'], 1);
  await raise(brain, 2);
  await upsert(replica, brain, ['second run', 'second run'], 2);
  await services.query('delete from documents where id = $1', [gone.documentId]);
  await services.query(
    `insert into jobs (id, tenant_id, brain_id, kind, status) values (gen_random_uuid(), $1, $2, 'ingest', 'succeeded')`,
    [brain.tenantId, brain.brainId],
  );
  expect(await storedRows(services, brain)).toHaveLength(3);
  await replica.store.tidyRecent();
  expect(await storedRows(services, brain)).toEqual(['second run @ 2', 'second run @ 2']);
  expect(await storedRows(services, gone)).toEqual([]);
});
