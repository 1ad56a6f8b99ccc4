/** Replicas that share a model's slots: the cap, and who is refused though there is room. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { createFleetSlots } from '../../../services/shared/slots/fleet-slots.ts';
import { createSlots } from '../../../services/shared/slots/slots.ts';
import { startServices } from '../../support/stores.ts';
import setup from '../../support/stores-server.ts';
import teardown from '../../support/stores-teardown.ts';
import { atMost, must, type Row, told } from '../report/rows.ts';

const replicas = 8;
const cap = 32;
/** They add up to more than the cap. */
const ofReplica = 8;
const jobMs = 200;
/** In %. In a few seconds some 130 are told to come back, too few to show a hundredth. */
const earlyMax = (seconds: number) => (seconds < 30 ? 5 : 1);
/** A tenth more than the cap carries. */
const perSecond = (1.1 * cap * 1000) / jobMs;

export async function fleet(seconds: number): Promise<Row[]> {
  await setup();
  const services = await startServices();
  const connections = Array.from({ length: replicas }, () => new Redis(services.redisUrl));
  const shared = connections.map((redis, index) =>
    createFleetSlots({
      redis,
      name: 'bench',
      max: cap,
      replica: `replica-${index}`,
      jobMsMax: 10_000,
      log: services.log,
    }),
  );
  try {
    // Holders are waited for after a start.
    while (shared.some(({ degraded }) => degraded)) await sleep(100);
    const own = Array.from({ length: replicas }, () => createSlots({ max: ofReplica }));
    const together = await load(seconds, async (replica) => {
      const local = own[replica]?.take();
      if (!local || !('release' in local)) return 'replica';
      const slot = await shared[replica]?.take();
      if (slot && 'release' in slot)
        return () => {
          local.release();
          slot.release();
        };
      local.release();
      return 'fleet';
    });
    const split = Array.from({ length: replicas }, () => createSlots({ max: cap / replicas }));
    const apart = await load(seconds, async (replica) => {
      const slot = split[replica]?.take();
      return slot && 'release' in slot ? slot.release : 'replica';
    });
    const early = (run: typeof together) => (100 * run.early) / Math.max(1, run.yields);
    const row = (name: string, value: number, unit: string, baseline: number | null = null) => ({
      row: 'C12',
      name: `${replicas} replicas, ${cap} slots: ${name}`,
      value,
      unit,
      baseline,
    });
    return [
      atMost(cap, row('most at a time', together.most, 'jobs')),
      atMost(
        earlyMax(seconds),
        row('yields while a slot is free; baseline: a fixed part each', early(together), '%', early(apart)),
      ),
      told(
        'the others were asked before what was given back',
        row('of these by a full replica', together.earlyOfReplica, 'jobs', apart.earlyOfReplica),
      ),
      must('> 0', together.yields > 0, row('yields', together.yields, 'jobs', apart.yields)),
      told(null, row('busy on average', together.busy, 'jobs', apart.busy)),
    ];
  } finally {
    await Promise.all(shared.map((slots) => slots.close()));
    await Promise.all(connections.map((redis) => redis.quit()));
    await services.close();
    await teardown();
  }
}

/** Nodes of a balancer, each of which knows what it sent itself. */
const balancers = 3;

/** Arrivals at random, each at a node of the balancer, which takes one of the replicas that have the fewest from it. */
async function load(seconds: number, take: (replica: number) => Promise<(() => void) | 'replica' | 'fleet'>) {
  const sent = Array.from({ length: balancers }, () => Array.from({ length: replicas }, () => 0));
  const run = { most: 0, yields: 0, early: 0, earlyOfReplica: 0, busy: 0 };
  let [inside, asking] = [0, 0];
  const jobs: Promise<void>[] = [];
  const samples: number[] = [];
  const job = async () => {
    const open = sent[Math.floor(Math.random() * balancers)] as number[];
    const fewest = Math.min(...open);
    const among = open.flatMap((count, index) => (count === fewest ? index : []));
    const replica = among[Math.floor(Math.random() * among.length)] as number;
    open[replica] = fewest + 1;
    const roomBefore = inside + asking < cap;
    asking += 1;
    const taken = await take(replica);
    asking -= 1;
    if (typeof taken === 'string') {
      run.yields += 1;
      if (roomBefore && inside + asking < cap) {
        run.early += 1;
        if (taken === 'replica') run.earlyOfReplica += 1;
      }
    } else {
      inside += 1;
      run.most = Math.max(run.most, inside);
      await sleep(jobMs * (0.5 + Math.random()));
      inside -= 1;
      taken();
    }
    open[replica] = (open[replica] as number) - 1;
  };
  const end = performance.now() + seconds * 1000;
  for (let due = performance.now(); performance.now() < end; ) {
    due += (-Math.log(1 - Math.random()) * 1000) / perSecond;
    const wait = due - performance.now();
    if (wait > 1) await sleep(wait);
    jobs.push(job());
    samples.push(inside);
  }
  await Promise.all(jobs);
  // Without the time in which it fills.
  const steady = samples.slice(Math.floor(samples.length / 4));
  run.busy = steady.reduce((sum, count) => sum + count, 0) / steady.length;
  return run;
}
