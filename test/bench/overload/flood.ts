/** Many at once before a governor that is full: what an answer takes, and what it costs in memory. */
import { setTimeout as sleep } from 'node:timers/promises';
import { quantiles } from '../load/probe.ts';
import { atMost, must, onQuietMachine, type Row, told } from '../report/rows.ts';
import { jobFrames, Lines, openMany, submit } from './lines.ts';
import { type Server, startEndpoint, startGovernor, startHeptamini } from './servers.ts';

/** The experiment of heptamini's README: one slot, twenty clients, one job's time. */
export async function experiment(jobMs: number): Promise<Row[]> {
  const endpoint = await startEndpoint(jobMs);
  const governor = await startGovernor(1, endpoint.url);
  try {
    const clients = await openMany(governor.port, 20);
    const replies = await Promise.all(clients.map((client, index) => submit(client, `J_${index}`)));
    const count = (status: string) => replies.filter((reply) => reply.status === status).length;
    const figure = (name: string, value: number, unit: string) => ({ row: 'C6', name, value, unit });
    return [
      must('1', count('done') === 1, figure('20 clients, 1 slot: executed', count('done'), 'jobs')),
      must('19', count('yield') === 19, figure('20 clients, 1 slot: yielded', count('yield'), 'jobs')),
      atMost(1, figure('20 clients, 1 slot: at the endpoint at once', endpoint.seen.most, 'jobs')),
    ];
  } finally {
    await governor.stop();
    endpoint.stop();
  }
}

/** While as many ask as one CPU answers in a tenth of its time. */
const pacedMsMax = 10;

export async function flood(clients: number, quick: boolean): Promise<Row[]> {
  const endpoint = await startEndpoint(600_000);
  const governor = await startGovernor(4, endpoint.url);
  try {
    const holders = await openMany(governor.port, 4);
    for (const [index, holder] of holders.entries()) {
      const { manifest, chunk } = jobFrames(`J_hold_${index}`);
      await holder.ask(manifest);
      void holder.ask(chunk);
    }
    const before = governor.rssMiB();
    const all = await openMany(governor.port, clients);
    const connected = governor.rssMiB();
    const burst = await askAll(governor, all);
    const again = await askAll(governor, all);
    const paced: number[] = [];
    for (const [index, one] of all.slice(0, 1000).entries()) {
      const startedAt = performance.now();
      await one.ask(jobFrames(`J_p_${index}`).manifest);
      paced.push(performance.now() - startedAt);
      await sleep(1);
    }
    for (const one of all) one.close();
    const row = (name: string, value: number, unit: string, baseline: number | null = null) => ({
      row: 'C7',
      name: `${clients} clients at once: ${name}`,
      value,
      unit,
      baseline,
    });
    return [
      must(`all`, burst.yielded === clients && again.yielded === clients, row('yielded', burst.yielded, 'jobs')),
      told(null, row('memory of a connection', ((connected - before) * 1024) / clients, 'KiB')),
      told(null, row('memory when all ask', burst.rssMiB, 'MiB', connected)),
      atMost(1.25, row('memory the second time against the first', again.rssMiB / burst.rssMiB, '')),
      told(null, row('until the last one was told', burst.wholeMs, 'ms')),
      told(
        'all in one moment, the last behind all others',
        row('p99 of a yield', quantiles(burst.timesMs).p99Ms, 'ms'),
      ),
      onQuietMachine(
        quick,
        atMost(pacedMsMax, row('p99 of a yield, one after the other among them', quantiles(paced).p99Ms, 'ms')),
      ),
    ];
  } finally {
    await governor.stop();
    endpoint.stop();
  }
}

async function askAll(governor: Server, clients: readonly Lines[]) {
  const startedAt = performance.now();
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, governor.rssMiB());
  }, 20);
  const timesMs: number[] = [];
  const replies = await Promise.all(
    clients.map(async (client, index) => {
      const reply = await client.ask(jobFrames(`J_${index}`).manifest);
      timesMs.push(performance.now() - startedAt);
      return reply;
    }),
  );
  clearInterval(watch);
  return {
    timesMs,
    wholeMs: performance.now() - startedAt,
    yielded: replies.filter(({ status }) => status === 'yield').length,
    rssMiB: Math.max(peak, governor.rssMiB()),
  };
}

/** Yields a second and their p99, of the governor and of heptamini, each asked the same way. */
export async function besideHeptamini(seconds: number): Promise<Row[]> {
  const endpoint = await startEndpoint(600_000);
  const governor = await startGovernor(1, endpoint.url);
  const original = await startHeptamini(1, 600_000);
  try {
    const own = await hammer(governor, seconds);
    const theirs = original && (await hammer(original, seconds));
    const row = (name: string, value: number, unit: string, baseline: number | null) => ({
      row: 'C4',
      name,
      value,
      unit,
      baseline,
    });
    const against = (name: string, mine: number, other: number | null, unit: string, holds: boolean, goal: string) =>
      other === null
        ? told('heptamini is not here: HEPTAMINI names the folder of its source', row(name, mine, unit, null))
        : must(goal, holds, row(name, mine, unit, other));
    return [
      against(
        'yields a second, 64 connections',
        own.perSecond,
        theirs?.perSecond ?? null,
        '/s',
        own.perSecond >= (theirs?.perSecond ?? 0),
        "heptamini's or more",
      ),
      told(
        'one process beside all CPUs of Go',
        row('p99 of a yield, 64 connections', own.p99Ms, 'ms', theirs?.p99Ms ?? null),
      ),
    ];
  } finally {
    await governor.stop();
    await original?.stop();
    endpoint.stop();
  }
}

async function hammer({ port }: Server, seconds: number) {
  const holder = await Lines.open(port);
  const held = jobFrames('J_hold');
  await holder.ask(held.manifest);
  void holder.ask(held.chunk);
  const end = performance.now() + seconds * 1000;
  const timesMs: number[] = [];
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      while (performance.now() < end) {
        const lines = await Lines.open(port);
        // heptamini keeps every job of a connection, and takes 64.
        for (let job = 0; job < 60 && performance.now() < end; job += 1) {
          const startedAt = performance.now();
          const reply = await submit(lines, `J_${job}`);
          if (reply.status !== 'yield') throw new Error(`given ${JSON.stringify(reply)}, expected a yield`);
          timesMs.push(performance.now() - startedAt);
        }
        lines.close();
      }
    }),
  );
  holder.close();
  return { perSecond: timesMs.length / seconds, p99Ms: quantiles(timesMs).p99Ms };
}
