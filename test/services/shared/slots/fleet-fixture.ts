/** Replicas that share slots on a real Redis, each with a connection that can be cut. */
import { Redis } from 'ioredis';
import { fleetScript } from '../../../../services/shared/slots/fleet-script.ts';
import { createFleetSlots, type FleetSlots } from '../../../../services/shared/slots/fleet-slots.ts';
import { startServices, type TestServices } from '../../../support/stores.ts';

let services: TestServices;
export let redis: Redis;
/** For beforeAll and afterAll. */
export async function openFleet(): Promise<void> {
  services = await startServices();
  redis = new Redis(services.redisUrl);
  // As slots do on a connection of their own.
  redis.defineCommand('bulkheadSlots', { numberOfKeys: 1, lua: fleetScript });
}
export async function closeFleet(): Promise<void> {
  await redis?.quit();
  await services?.close();
}

/** Longer than any test lasts: time passes when the test says so. */
export const jobMsMax = 1e9;
export const prefix = '{bulkhead:slots:gpu}';

/** The connection of a replica, which the test can cut. */
function cuttable() {
  const link = { cut: false };
  const scripted = redis as unknown as { bulkheadSlots(...parameters: unknown[]): Promise<number[]> };
  return Object.assign(link, {
    redis: {
      defineCommand: redis.defineCommand.bind(redis),
      bulkheadSlots: async (...parameters: unknown[]) => {
        if (link.cut) throw new Error('Connection is closed.');
        return scripted.bulkheadSlots(...parameters);
      },
    } as unknown as Redis,
  });
}

export interface Replica {
  readonly slots: FleetSlots;
  readonly link: ReturnType<typeof cuttable>;
  readonly held: (() => void)[];
}

let started = 0;
export function startReplica(max: number, cut = false, time = { ms: 0 }): Replica {
  started += 1;
  const link = cuttable();
  link.cut = cut;
  const slots = createFleetSlots({ ...common(max, link.redis), replica: `replica-${started}`, now: () => time.ms });
  return { slots, link, held: [] };
}
export const common = (max: number, given: Redis) => ({ redis: given, name: 'gpu', max, jobMsMax, log: services.log });

export const over = () => redis.set(`${prefix}:recover`, 0);

export async function startFleet(max: number, count: number, time?: { ms: number }): Promise<Replica[]> {
  await redis.flushall();
  const fleet = Array.from({ length: count }, () => startReplica(max, false, time));
  await syncAll(fleet);
  await over();
  await syncAll(fleet);
  return fleet;
}
export const syncAll = async (fleet: readonly Replica[]) => {
  for (const { slots } of fleet) await slots.sync();
  // Each knows the last word.
  for (const { slots } of fleet) await slots.sync();
};
export const closeAll = (fleet: readonly Replica[]) => Promise.all(fleet.map(({ slots }) => slots.close()));

export async function take({ slots, held }: Replica, tenant?: string): Promise<boolean> {
  const taken = await slots.take(tenant);
  if ('release' in taken) held.push(taken.release);
  return 'release' in taken;
}
