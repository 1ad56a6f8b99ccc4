import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { migrateAll } from '../../../../services/api/migrate.ts';
import { migrate, migrationFaults, migrationsDirectory } from '../../../../services/shared/postgres/migrate.ts';
import { startServices, type TestServices } from '../../../support/stores.ts';

/** Shipped before this rule. */
const exceptions = ['004_event_order.sql', '005_indexes_of_questions.sql'];

let services: TestServices;
let folder: string;
beforeAll(async () => {
  services = await startServices();
  folder = await mkdtemp(join(tmpdir(), 'bulkhead-migrations-'));
  for (const name of await readdir(migrationsDirectory))
    await writeFile(join(folder, name), await readFile(join(migrationsDirectory, name)));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await services.close();
});

test('no migration builds an index that locks out the writers of a table in use', async () => {
  const names = (await readdir(migrationsDirectory)).filter((name) => !exceptions.includes(name));
  for (const name of names)
    expect(migrationFaults(name, await readFile(join(migrationsDirectory, name), 'utf8'))).toEqual([]);
  for (const name of exceptions)
    expect(migrationFaults(name, await readFile(join(migrationsDirectory, name), 'utf8'))).not.toEqual([]);
});

test.each([
  [
    'create index a on jobs (id);',
    ["1.sql: an index on jobs, a table in use, is built with 'create index concurrently'"],
  ],
  ['create table mine (id int);\ncreate unique index a on mine (id);', []],
  ['drop index a;', ["1.sql: an index of a table in use is dropped with 'drop index concurrently'"]],
  [
    'drop index concurrently if exists a;\ncreate index concurrently a on jobs (id);',
    ["1.sql: 'concurrently' stands in a file of its own that says '-- no transaction'"],
  ],
  ['-- no transaction\ndrop index concurrently if exists a;\ncreate index concurrently a on jobs (id);', []],
  [
    '-- no transaction\ncreate index concurrently a on jobs (id);',
    ["1.sql: 'drop index concurrently if exists a;' stands first, so that it can be repeated"],
  ],
])('%s', (text, faults) => expect(migrationFaults('1.sql', text)).toEqual(faults));

test('an index is built beside a writer, and a change that needs a lock waits in small pieces', async () => {
  await writeFile(
    join(folder, '998_index.sql'),
    '-- Why.\n-- no transaction\ndrop index concurrently if exists a;\ncreate index concurrently a on tenants (name);\n',
  );
  await writeFile(join(folder, '999_column.sql'), 'alter table tenants add column extra text;\n');
  const client = new pg.Client({ connectionString: services.databaseUrl });
  await client.connect();
  await client.query('begin');
  await client.query('lock table tenants in access share mode');
  const migrated = migrate(services.databaseUrl, services.log, folder, { lockTimeoutMs: 200, retryMs: 100 });
  await sleep(1500);
  // Somebody else's read, behind the change that waits: not for long.
  const startedMs = Date.now();
  await services.query('select count(*) from tenants');
  expect(Date.now() - startedMs).toBeLessThan(5000);
  await client.query('commit');
  await client.end();
  await migrated;
  expect(await services.query('select extra from tenants')).toEqual([]);
  expect(await services.query(`select indisvalid from pg_index where indexrelid = 'a'::regclass`)).toEqual([
    { indisvalid: true },
  ]);
});

test('so does the queue’s own schema, and what each tier may do with it', async () => {
  // As before its migration 18, which drops a trigger of a table in use.
  await services.query('delete from graphile_worker.migrations where id >= 18');
  await services.query(`create function graphile_worker.tg_jobs__after_insert() returns trigger language plpgsql
    as $$ begin return null; end $$`);
  await services.query(`create trigger _900_after_insert after insert on graphile_worker._private_jobs
    for each statement execute function graphile_worker.tg_jobs__after_insert()`);
  const [holder, reader] = [0, 5000].map(
    (statement_timeout) => new pg.Client({ connectionString: services.databaseUrl, statement_timeout }),
  ) as [pg.Client, pg.Client];
  await Promise.all([holder.connect(), reader.connect()]);
  const read = () => reader.query('select count(*) from graphile_worker._private_jobs');
  const revision = async () => (await reader.query('select max(id) from graphile_worker.migrations')).rows[0].max;
  const hold = async () => {
    await holder.query('begin');
    await holder.query('lock table graphile_worker._private_jobs in access share mode');
  };
  const times = { lockTimeoutMs: 200, retryMs: 100 };
  try {
    // Again, when only the rights are left to give.
    for (const before of [17, 20]) {
      await hold();
      const migrated = migrateAll(services.databaseUrl, services.log, {}, times);
      migrated.catch(() => {});
      await sleep(1500);
      await read();
      expect(await revision()).toBe(before);
      await holder.query('commit');
      await migrated;
    }
    expect(await revision()).toBe(20);
  } finally {
    await Promise.all([holder.end(), reader.end()]);
  }
});
