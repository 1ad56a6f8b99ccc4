/** What is written to `jobs` is what the state machine decides, and a job of a tenant stays when the tenant goes. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { jobKinds, jobStages, jobStatuses } from '../../../../services/shared/contract/job.ts';
import {
  allows,
  hasEnded,
  type StatusAfter,
  type TransitionName,
  transitions,
} from '../../../../services/shared/jobs/job-states.ts';
import { changeStatus, insertJob } from '../../../../services/shared/jobs/job-store.ts';
import { type Database, openDatabase } from '../../../../services/shared/postgres/database.ts';
import { startServices, type TestServices } from '../../../support/stores.ts';

let services: TestServices;
let db: Database;
let close: () => Promise<void>;
let brainId: string;
const tenantId = uuidv7();
beforeAll(async () => {
  services = await startServices();
  ({ db, close } = openDatabase({ url: services.databaseUrl, connectionsMax: 2, log: services.log }));
  await db.insertInto('tenants').values({ id: tenantId, name: 'T', slug: tenantId }).execute();
  brainId = uuidv7();
  await db
    .insertInto('brains')
    .values({ id: brainId, tenant_id: tenantId, name: 'B', embedding_model: 'm', embedding_dimensions: 1 })
    .execute();
});
afterAll(async () => {
  await close?.();
  await services.close();
});

class Undo extends Error {}

test.each(Object.keys(transitions) as TransitionName[])('%s changes exactly the jobs that it may', async (name) => {
  const all = jobKinds.flatMap((kind) =>
    jobStatuses.flatMap((status) => [null, ...jobStages].map((stage) => ({ id: uuidv7(), kind, status, stage }))),
  );
  await db
    .transaction()
    .execute(async (tx) => {
      await tx
        .insertInto('jobs')
        .values(all.map((job) => ({ ...job, tenant_id: tenantId, brain_id: brainId })))
        .execute();
      for (const to of transitions[name].to as readonly StatusAfter<TransitionName>[]) {
        await tx.deleteFrom('jobs').where('tenant_id', '=', tenantId).execute();
        await tx
          .insertInto('jobs')
          .values(all.map((job) => ({ ...job, tenant_id: tenantId, brain_id: brainId })))
          .execute();
        const changed = await changeStatus(tx, name, to as never, (jobs) =>
          jobs.where('tenant_id', '=', tenantId),
        ).execute();
        expect(changed.map(({ id }) => id).sort()).toEqual(
          all
            .filter((job) => allows(name, job))
            .map(({ id }) => id)
            .sort(),
        );
        for (const job of changed) {
          expect(job.status).toBe(to);
          // Readable for a week after its end, and without a stage.
          if (hasEnded({ status: to }))
            expect([job.stage, (job.expires_at?.getTime() ?? 0) - (job.finished_at?.getTime() ?? 0)]).toEqual([
              null,
              7 * 86_400_000,
            ]);
          else expect([job.finished_at, job.expires_at]).toEqual([null, null]);
        }
      }
      throw new Undo();
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undo)) throw error;
    });
});

test('a job without a brain stays when its tenant goes; those of its brains go along', async () => {
  const gone = uuidv7();
  await db.insertInto('tenants').values({ id: gone, name: 'T', slug: gone }).execute();
  const brain = uuidv7();
  await db
    .insertInto('brains')
    .values({ id: brain, tenant_id: gone, name: 'B', embedding_model: 'm', embedding_dimensions: 1 })
    .execute();
  const [ofTenant, ofBrain] = await db
    .transaction()
    .execute(async (tx) => [
      await insertJob(tx, { kind: 'delete_brain', tenantId: gone, brainId: null, documentId: null }),
      await insertJob(tx, { kind: 'delete_brain', tenantId: gone, brainId: brain, documentId: null }),
    ]);
  await db.deleteFrom('tenants').where('id', '=', gone).execute();
  const left = await db.selectFrom('jobs').select(['id', 'status']).where('tenant_id', '=', gone).execute();
  expect(left).toEqual([{ id: ofTenant?.id, status: 'queued' }]);
  expect(ofBrain?.brain_id).toBe(brain);
});
