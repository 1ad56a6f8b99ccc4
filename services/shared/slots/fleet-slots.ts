/**
 * Slots that all replicas share: what one model endpoint, one GPU or one account takes at a time. As those of one process
 * (slots.ts) they are taken at once or refused at once. The truth is in Redis (fleet-script.ts); a replica knows what it
 * holds, renews that, and tells it again when Redis has forgotten.
 *
 * Without Redis a replica goes on with what it may surely use (fallback.ts). Cut off alone for longer than a lease, its
 * work under way is not counted by the others.
 */
import type { Redis } from 'ioredis';
import type { Logger } from '../log.ts';
import { fallbackBound, type LastWord, type Lost } from './fallback.ts';
import { fleetScript, syncMs } from './fleet-script.ts';
import { Hints } from './hint.ts';
import { requireWhole, type SlotCounts, type SlotEvent, type Taken } from './slots.ts';

export interface FleetSlotsOptions {
  /** Stays the caller's. One that fails soon: redis.ts, `request`. */
  readonly redis: Redis;
  /** Of what is protected; whoever uses the same name shares its slots. */
  readonly name: string;
  readonly max: number;
  /** Unique per process. */
  readonly replica: string;
  /** Longest use of a slot: after it nothing of before runs any more. */
  readonly jobMsMax: number;
  /** How long one use takes, until the first ones have ended. @default 2000 */
  readonly expectedMs?: number;
  readonly log: Logger;
  readonly now?: () => number;
  readonly random?: () => number;
  readonly onEvent?: (event: SlotEvent) => void;
}

export interface FleetSlots {
  readonly max: number;
  /** Slots of this replica. */
  readonly inFlight: number;
  /** Slots of the fleet, when Redis last told; null: it never did. */
  readonly fleetInFlight: number | null;
  /** Of this replica. */
  readonly counts: SlotCounts;
  /** True while Redis does not tell who has what. */
  readonly degraded: boolean;
  /** @param tenantId shares the slots with other tenants; absent: whoever comes first */
  take(tenantId?: string): Promise<Taken>;
  /** Renews what is held, now. It does so by itself every second. */
  sync(): Promise<void>;
  /** Gives nothing back: what is still held expires, or its release says so. */
  close(): Promise<void>;
}

interface Lease {
  readonly id: string;
  readonly at: number;
  readonly tenantId: string;
}

export function createFleetSlots(options: FleetSlotsOptions): FleetSlots {
  const { redis, name, max, replica, jobMsMax, expectedMs = 2000, log, onEvent } = options;
  const { now = () => performance.now(), random = Math.random } = options;
  requireWhole(max);
  const call = scripted(redis, `{bulkhead:slots:${name}}`);
  const hints = new Hints({ now, random, expectedMs });
  const counts = { executed: 0, yielded: 0, completed: 0 };
  const held = new Map<string, Lease>();
  /** Ids of which Redis is still asked, and that this replica might use without it. */
  const asked = new Set<string>();
  /** Given back, or never used, and Redis may not know. */
  const unreturned = new Set<string>();
  let word: LastWord | null = null;
  let lost: Lost | null = null;
  /** The last call failed: only sync asks until one succeeds, so that nobody waits for a Redis that is away. */
  let away = false;
  let sequence = 0;

  /** As if it were lost now. Who never heard of the others takes nothing until Redis tells, or all of before has ended. */
  const lossNow = (): Lost => ({ atMs: now(), held: held.size, free: word ? max - word.taken : 0 });
  const heard = ([, taken, recovering, replicas, rank]: readonly number[], isSync = false) => {
    if (away) log.info({ slots: name }, 'slots: Redis is back');
    away = false;
    // By what was known before it forgot.
    lost = recovering === 1 ? (lost ?? lossNow()) : null;
    const known = { taken: taken ?? 0, replicas: word?.replicas ?? 1, rank: word?.rank ?? 0 };
    word = isSync ? { ...known, replicas: replicas ?? 1, rank: rank ?? 0 } : known;
  };
  const failed = (error: unknown) => {
    if (!away) log.warn({ err: error as Error, slots: name }, 'slots: Redis is away; each replica uses its share');
    away = true;
    lost ??= lossNow();
  };
  /** Whether one more is surely free, should Redis forget everything now. */
  const fallbackAdmits = () =>
    word !== null && held.size + asked.size < fallbackBound(max, word, lost ?? lossNow(), now(), jobMsMax);

  const hold = (id: string, tenantId: string): Taken => {
    const lease = { id, tenantId, at: now() };
    held.set(id, lease);
    counts.executed += 1;
    onEvent?.({ kind: 'taken' });
    return {
      release: () => {
        if (!held.delete(id)) return;
        counts.completed += 1;
        const durationMs = now() - lease.at;
        hints.ended(durationMs);
        onEvent?.({ kind: 'freed', durationMs });
        giveBack(id);
      },
    };
  };
  const refuse = (retryHintMs: number): Taken => {
    counts.yielded += 1;
    onEvent?.({ kind: 'yielded', retryHintMs });
    return { retryHintMs };
  };
  const giveBack = (id: string) => {
    unreturned.add(id);
    if (!away)
      call('free', replica, max, id).then((reply) => {
        unreturned.delete(id);
        heard(reply);
      }, failed);
  };

  const take = async (tenantId = ''): Promise<Taken> => {
    sequence += 1;
    const id = `${replica}/${sequence}`;
    const admitted = fallbackAdmits();
    if (!away) {
      if (admitted) asked.add(id);
      try {
        const reply = await call('take', replica, max, id, tenantId, admitted ? 1 : 0, random(), expectedMs);
        heard(reply);
        return reply[0] === 1 ? hold(id, tenantId) : refuse(reply[3] as number);
      } catch (error) {
        failed(error);
        // Redis may have it all the same.
        unreturned.add(id);
      } finally {
        asked.delete(id);
      }
    }
    if (!fallbackAdmits()) return refuse(hints.next([...held.values()].map(({ at }) => at)));
    unreturned.delete(id);
    return hold(id, tenantId);
  };

  const sync = async () => {
    const leases = [...held.values()].flatMap(({ id, at, tenantId }) => [id, Math.round(now() - at), tenantId]);
    const returned = [...unreturned];
    try {
      heard(await call('sync', replica, max, away ? 1 : 0, leases.length / 3, ...leases, ...returned), true);
      for (const id of returned) unreturned.delete(id);
    } catch (error) {
      failed(error);
    }
  };
  let syncing = sync();
  const timer = setInterval(() => {
    syncing = syncing.then(sync);
  }, syncMs);

  return {
    max,
    counts,
    take,
    sync: () => {
      syncing = syncing.then(sync);
      return syncing;
    },
    get inFlight() {
      return held.size;
    },
    get fleetInFlight() {
      return word?.taken ?? null;
    },
    get degraded() {
      return lost !== null || word === null;
    },
    close: async () => {
      clearInterval(timer);
      await syncing;
      // What was just given back is told.
      await sync();
    },
  };
}

type Parameters = readonly (string | number)[];
interface Scripted {
  bulkheadSlots(...parameters: Parameters): Promise<number[]>;
}

function scripted(redis: Redis, prefix: string): (...parameters: Parameters) => Promise<number[]> {
  if (!('bulkheadSlots' in redis)) redis.defineCommand('bulkheadSlots', { numberOfKeys: 1, lua: fleetScript });
  return (...parameters) => (redis as unknown as Scripted).bulkheadSlots(prefix, ...parameters);
}
