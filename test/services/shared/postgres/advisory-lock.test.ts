/** Locks of a process stand on one connection, and exclude as if each had its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { tryLock } from '../../../../services/shared/postgres/advisory-lock.ts';
import { startServices, type TestServices } from '../../../support/stores.ts';

let services: TestServices;
let pool: pg.Pool;
let elsewhere: pg.Pool;
beforeAll(async () => {
  services = await startServices();
  [pool, elsewhere] = [1, 2].map(() => new pg.Pool({ connectionString: services.databaseUrl, max: 2 })) as [
    pg.Pool,
    pg.Pool,
  ];
  for (const one of [pool, elsewhere]) one.on('error', () => {});
});
afterAll(async () => {
  await Promise.all([pool?.end(), elsewhere?.end()]);
  await services.close();
});

const nothing = async () => {};

/** Held until it is let go. */
async function hold(name: string) {
  const [began, ends] = [Promise.withResolvers<AbortSignal>(), Promise.withResolvers<void>()];
  const ran = tryLock(pool, name, async (held) => {
    began.resolve(held);
    await ends.promise;
  });
  const letGo = () => {
    ends.resolve();
    return ran;
  };
  return { held: await began.promise, letGo };
}

test('a name is held once, by this process and by others; more names than connections are no matter', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const holding = await Promise.all(names.map(hold));
  expect(pool.totalCount).toBe(1);
  for (const name of names)
    expect([await tryLock(pool, name, nothing), await tryLock(elsewhere, name, nothing)]).toEqual([false, false]);
  expect(await Promise.all(holding.map(({ letGo }) => letGo()))).toEqual(names.map(() => true));
  for (const name of names)
    expect([await tryLock(elsewhere, name, nothing), await tryLock(pool, name, nothing)]).toEqual([true, true]);
  expect([pool.idleCount, pool.totalCount]).toEqual([1, 1]);
});

test('an action that throws leaves no lock, and takes none from others', async () => {
  const { letGo } = await hold('other');
  const failing = tryLock(pool, 'failing', () => Promise.reject(new Error('no')));
  await expect(failing).rejects.toThrow('no');
  expect([await tryLock(elsewhere, 'failing', nothing), await tryLock(elsewhere, 'other', nothing)]).toEqual([
    true,
    false,
  ]);
  await letGo();
});

test('who loses the connection is told of each lock, and the next one has a connection of its own', async () => {
  const [first, second] = [await hold('first'), await hold('second')];
  await services.query(`
    select pg_terminate_backend(pid) from pg_locks
    where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`);
  while (!first.held.aborted || !second.held.aborted) await sleep(5);
  expect(String(first.held.reason)).toMatch(/the locks of a connection were lost: /);
  const again = await hold('first');
  expect(again.held.aborted).toBe(false);
  await Promise.all([first.letGo(), second.letGo()]);
  expect(await tryLock(elsewhere, 'first', nothing)).toBe(false);
  await again.letGo();
  expect(pool.totalCount).toBe(1);
});
