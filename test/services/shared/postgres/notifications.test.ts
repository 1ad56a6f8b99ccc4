import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { listenTo, type Notifications } from '../../../../services/shared/postgres/notifications.ts';
import { proxyOf, type StoreProxy } from '../../../support/proxy.ts';
import { startServices, type TestServices } from '../../../support/stores.ts';

let services: TestServices;
let proxy: StoreProxy;
let notifications: Notifications | undefined;
beforeAll(async () => {
  services = await startServices();
  proxy = await proxyOf(services.databaseUrl);
});
afterAll(async () => {
  await notifications?.close();
  await proxy.close();
  await services.close();
});

test('a connection that went silent is noticed and made anew, and what may have been missed is told', async () => {
  const heard: (string | null)[] = [];
  const times = { heartbeatMs: 100, answerTimeoutMs: 300 };
  const url = proxy.through(services.databaseUrl);
  notifications = listenTo(url, 'test', services.log, (payload) => heard.push(payload), times);
  await notifications.connected;
  await services.query(`select pg_notify('test', 'first')`);
  await until(() => heard.length === 2);
  expect(heard).toEqual([null, 'first']);

  // Nothing passes any more, and nobody says so; new connections work, as after a failover.
  proxy.silence();
  await services.query(`select pg_notify('test', 'missed')`);
  await until(() => heard.at(-1) === null && heard.length > 2);
  await services.query(`select pg_notify('test', 'after')`);
  await until(() => heard.at(-1) === 'after');
});

async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !holds(); await sleep(20)) if (Date.now() > end) throw new Error('not in 20 s');
}
