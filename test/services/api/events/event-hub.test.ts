/** The hub alone, with a render that a test can hold up. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { type EventHub, openEventHub } from '../../../../services/api/events/event-hub.ts';
import { recordEvent } from '../../../../services/shared/jobs/events.ts';
import { type Database, openDatabase } from '../../../../services/shared/postgres/database.ts';
import { startServices, type TestServices } from '../../../support/stores.ts';

let services: TestServices;
let db: Database;
let close: () => Promise<void>;
const hubs: EventHub[] = [];
beforeAll(async () => {
  services = await startServices();
  ({ db, close } = openDatabase({ url: services.databaseUrl, connectionsMax: 3, log: services.log }));
});
afterAll(async () => {
  for (const hub of hubs) await hub.close();
  await close();
  await services.close();
});

async function newTenant(): Promise<string> {
  const id = uuidv7();
  await db.insertInto('tenants').values({ id, name: 'T', slug: id }).execute();
  return id;
}

test('who begins to watch while the news of another tenant is rendered misses nothing', async () => {
  const [early, late] = [await newTenant(), await newTenant()];
  const rendering = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const hub = openEventHub(
    db,
    async (tenantId, events) => {
      if (tenantId === early) {
        rendering.resolve();
        await release.promise;
      }
      return events.map(({ event }) => ({ event, data: tenantId, personId: null }));
    },
    services.log,
  );
  hubs.push(hub);
  await hub.ready;
  const told: unknown[] = [];
  const [heardEarly, heardLate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  hub.watch(early, () => heardEarly.resolve());
  await db.transaction().execute(async (trx) => {
    for (const tenantId of [early, late]) await recordEvent(trx, { tenantId, event: 'brain', resourceId: uuidv7() });
  });
  hub.wake();
  await rendering.promise;
  const from = hub.position;
  hub.watch(late, (messages) => {
    told.push(...messages);
    heardLate.resolve();
  });
  release.resolve();
  await heardEarly.promise;
  // The hub has moved past the place where the late one began.
  expect(hub.position).not.toEqual(from);
  expect(told).toEqual([{ event: 'brain', data: late, personId: null }]);
  await heardLate.promise;
});

test('a clock that is set back by an hour does not keep the next news', async () => {
  const tenantId = await newTenant();
  const hub = openEventHub(
    db,
    async (_tenant, events) => events.map(({ event, resourceId }) => ({ event, data: resourceId, personId: null })),
    services.log,
  );
  hubs.push(hub);
  await hub.ready;
  let hear: (data: unknown) => void = () => {};
  hub.watch(tenantId, (messages) => hear(messages.at(-1)?.data));
  const change = async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    hear = resolve;
    const resourceId = uuidv7();
    await db.transaction().execute((trx) => recordEvent(trx, { tenantId, event: 'brain', resourceId }));
    hub.wake();
    expect(await promise).toBe(resourceId);
  };
  await change();
  const real = Date.now.bind(Date);
  const clock = jest.spyOn(Date, 'now').mockImplementation(() => real() - 3_600_000);
  try {
    await change();
  } finally {
    clock.mockRestore();
  }
});
