/** The runner of background jobs outlives the loss of its connections at any point, and so does its process. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { orderTask } from '../../../../services/shared/jobs/job-requests.ts';
import { runTasks } from '../../../../services/shared/jobs/task-runner.ts';
import { openDatabase } from '../../../../services/shared/postgres/database.ts';
import { startServices, type TestServices } from '../../../support/stores.ts';

let services: TestServices;
beforeAll(async () => {
  services = await startServices();
});
afterAll(() => services.close());

test.each(['failed', 'succeeded'])(
  'a task whose end, that it %s, cannot be said ends nothing',
  async (how) => {
    const { db, pool, close } = openDatabase({
      url: `${services.databaseUrl}?application_name=runner`,
      connectionsMax: 6,
      log: services.log,
    });
    const unheard: unknown[] = [];
    const hear = (reason: unknown) => void unheard.push(reason);
    process.on('unhandledRejection', hear);
    let began = 0;
    const runner = await runTasks({
      pool,
      log: services.log,
      cron: {},
      jobs: {
        delete_brain: async () => {
          began += 1;
          if (began > 1) return;
          // PostgreSQL goes away in just this moment, and comes back.
          const { connect } = pool;
          pool.connect = (async () => {
            throw new Error('Connection terminated unexpectedly');
          }) as typeof connect;
          setTimeout(() => {
            pool.connect = connect;
          }, 1000);
          if (how === 'failed') throw new Error('no');
        },
      },
    });
    const tenantId = uuidv7();
    await db.insertInto('tenants').values({ id: tenantId, name: 'T', slug: tenantId }).execute();
    const task = await db
      .transaction()
      .execute((trx) => orderTask(trx, { kind: 'delete_brain', tenantId, brainId: null, documentId: null }));
    for (const end = Date.now() + 60_000; began === 0 && Date.now() < end; ) await sleep(50);
    expect(began).toBeGreaterThan(0);
    await sleep(3000);
    expect(unheard).toEqual([]);
    await runner.close();
    process.off('unhandledRejection', hear);
    await sql`delete from jobs where id = ${task.id}`.execute(db).catch(() => {});
    await close();
  },
  120_000,
);
