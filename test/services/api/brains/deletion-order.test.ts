/** A worker locks a job and then its document; a deletion meanwhile must not hold the document and wait for the job. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { type Harness, startHarness, upload } from '../harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());

test.each(['document', 'brain'])(
  'the deletion of a %s amid the work on a document waits, and neither fails',
  async (what) => {
    const owner = await harness.owner();
    const brain = (await owner('POST', '/v1/brains', { name: 'B' })).body.id;
    const { body, headers } = upload('Refunds take fourteen days.');
    const job = (await owner('POST', `/v1/brains/${brain}/documents`, body, headers)).body;
    const worker = new pg.Client({ connectionString: harness.services.databaseUrl });
    await worker.connect();
    await worker.query('begin');
    await worker.query('select from jobs where id = $1 for update', [job.id]);
    const deleted = owner('DELETE', what === 'brain' ? `/v1/brains/${brain}` : `/v1/documents/${job.document_id}`);
    await harness.services.waitForLocks();
    await worker.query('update documents set pages_total = 1 where id = $1', [job.document_id]);
    await worker.query('commit');
    await worker.end();
    expect((await deleted).status).toBe(202);
  },
);
