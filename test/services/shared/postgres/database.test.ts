/** What becomes of connections, statements and transactions when PostgreSQL, or the way to it, fails. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { UnavailableError } from '../../../../services/shared/http/unavailable.ts';
import { openDatabase } from '../../../../services/shared/postgres/database.ts';
import { proxyOf, type StoreProxy } from '../../../support/proxy.ts';
import { startServices, type TestServices } from '../../../support/stores.ts';

let services: TestServices;
let proxy: StoreProxy;
let opened: ReturnType<typeof openDatabase>;
beforeAll(async () => {
  services = await startServices();
  proxy = await proxyOf(services.databaseUrl, 'postgres');
  opened = openDatabase({
    url: proxy.through(services.databaseUrl),
    connectionsMax: 2,
    log: services.log,
    statementTimeoutMs: 500,
  });
});
beforeEach(() => proxy.heal());
afterAll(async () => {
  await opened.close();
  await proxy.close();
  await services.close();
});

const insertTenant = (id: string) =>
  opened.db
    .transaction()
    .execute((trx) => trx.insertInto('tenants').values({ id, name: 'T', slug: id }).returning('id').executeTakeFirst());
const tenants = async (id: string) => (await services.query('select from tenants where id = $1', [id])).length;

test('a connection that breaks while it is checked out is heard, and its loss is told to who uses it', async () => {
  const client = await opened.pool.connect();
  await services.query(
    'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  );
  // Nobody hears it: Node would end the process.
  await sleep(200);
  await expect(client.query('select 1')).rejects.toBeInstanceOf(UnavailableError);
  client.release();
  expect((await sql<{ one: number }>`select 1 as one`.execute(opened.db)).rows).toEqual([{ one: 1 }]);
});

test('a transaction whose answer to COMMIT is lost stands, and its caller is told so', async () => {
  const id = uuidv7();
  const cut = proxy.cutAnswer(/^commit/i);
  expect(await insertTenant(id)).toEqual({ id });
  await cut;
  expect(await tenants(id)).toBe(1);
});

test('a COMMIT that does not reach the server is an error, and nothing stands', async () => {
  const id = uuidv7();
  const cut = proxy.cutAnswer(/^commit/i, { before: true });
  await expect(insertTenant(id)).rejects.toBeInstanceOf(UnavailableError);
  await cut;
  expect(await tenants(id)).toBe(0);
});

test('a server that has not noticed the broken connection is made to decide', async () => {
  const id = uuidv7();
  const cut = proxy.cutAnswer(/^commit/i, { before: true, serverKept: true });
  await expect(insertTenant(id)).rejects.toMatchObject({ name: 'UnavailableError' });
  await cut;
  expect(await tenants(id)).toBe(0);
  // Its row lock is gone, too.
  expect(await insertTenant(id)).toEqual({ id });
});

test('while nothing says what became of a transaction, that is the error', async () => {
  const id = uuidv7();
  const cut = proxy.cutAnswer(/^commit/i).then(() => proxy.blackHole());
  await expect(insertTenant(id)).rejects.toMatchObject({ name: 'OutcomeUnknownError', dependency: 'postgres' });
  await cut;
});

test('a statement in a black hole ends in time, and its connection is not used again', async () => {
  await sql`select 1`.execute(opened.db);
  proxy.blackHole();
  const startedMs = Date.now();
  await expect(sql`select 2`.execute(opened.db)).rejects.toBeInstanceOf(UnavailableError);
  expect(Date.now() - startedMs).toBeLessThan(10_000);
  proxy.heal();
  // The late answer would otherwise be that of the next statement.
  expect((await sql<{ three: number }>`select 3 as three`.execute(opened.db)).rows).toEqual([{ three: 3 }]);
});
