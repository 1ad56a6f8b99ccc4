import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { CompiledQuery } from 'kysely';
import { openDatabase } from '../../../../services/shared/postgres/database.ts';
import { preparedMax } from '../../../../services/shared/postgres/prepared.ts';
import { startServices, type TestServices } from '../../../support/stores.ts';

let services: TestServices;
let opened: ReturnType<typeof openDatabase>;
beforeAll(async () => {
  services = await startServices();
  await services.query('create table things (id int primary key, name text not null)');
  await services.query(`insert into things select id, 'thing ' || id from generate_series(1, 20) as id`);
});
// What is prepared belongs to one connection.
beforeEach(() => {
  opened = openDatabase({ url: services.databaseUrl, connectionsMax: 1, log: services.log });
});
afterEach(() => opened.close());
afterAll(() => services.close());

const query = async (text: string, ...values: unknown[]) =>
  (await opened.db.executeQuery(CompiledQuery.raw(text, values))).rows;
const prepared = () =>
  query('select statement, generic_plans + custom_plans as runs from pg_prepared_statements order by name');

test('a statement that comes often is prepared from its fifth use on, and answers as before', async () => {
  const invited = (email: string) => opened.db.selectFrom('people').select('name').where('email', '=', email).execute();
  for (let id = 0; id < 12; id++) expect(await query('select name from things where id = $1', id)).toHaveLength(+!!id);
  for (let at = 0; at < 6; at++) expect(await invited(`person-${at}@example.com`)).toEqual([]);
  expect(await prepared()).toEqual([
    { statement: 'select name from things where id = $1', runs: 8 },
    { statement: 'select "name" from "people" where "email" = $1', runs: 2 },
  ]);
});

test('one that fails, prepared or not, leaves its connection as it was', async () => {
  const insert = (id: number) => query('insert into things (id, name) values ($1, $2)', id, 'again');
  for (let id = 0; id < 8; id++)
    if (id === 0) expect(await insert(id)).toEqual([]);
    else await expect(insert(id)).rejects.toMatchObject({ code: '23505' });
  expect(await insert(21)).toEqual([]);
});

test('one that returns all columns is not: the migration of a newer replica may add one', async () => {
  const all = () => query('select * from things where id = $1', 1);
  for (let at = 0; at < 10; at++) await all();
  await services.query('alter table things add column colour text');
  expect(await all()).toEqual([{ id: 1, name: 'thing 1', colour: null }]);
  expect(await prepared()).toEqual([]);
});

test('texts that differ from call to call do not fill PostgreSQL: so many are prepared at most', async () => {
  for (let text = 0; text < preparedMax + 20; text++)
    for (let use = 0; use < 6; use++)
      expect(await query(`select $1::int + ${text} as sum`, 1)).toEqual([{ sum: 1 + text }]);
  expect(await prepared()).toHaveLength(preparedMax);
});
