/** A retry storm: many clients that all want one job done, and how they come back when they are refused. */
import { setTimeout as sleep } from 'node:timers/promises';
import { must, onQuietMachine, type Row, told } from '../report/rows.ts';
import { openMany, submit } from './lines.ts';
import { startEndpoint, startGovernor } from './servers.ts';

export interface Course {
  readonly name: string;
  /** When each client was served, in ms, ascending. */
  readonly servedMs: readonly number[];
  /** When each request was sent, ascending. */
  readonly sentMs: readonly number[];
}

export interface StormSize {
  readonly clients: number;
  readonly slots: number;
  readonly jobMs: number;
}

/** @returns how long a refused client waits */
type Policy = (hintMs: number, refusals: number) => number;

/** OpenAI's clients without a header: half a second, doubled to 8 s, less up to a quarter. */
const exponentialMs: Policy = (_hint, refusals) =>
  Math.min(8000, 500 * 2 ** (refusals - 1)) * (1 - 0.25 * Math.random());

export const policies: Readonly<Record<string, Policy>> = {
  'computed hint': (hintMs) => hintMs,
  'constant 500 ms': () => 500,
  exponential: exponentialMs,
  none: () => 0,
};

export async function storm(name: string, { clients, slots, jobMs }: StormSize): Promise<Course> {
  const policy = policies[name] as Policy;
  const endpoint = await startEndpoint(jobMs);
  const governor = await startGovernor(slots, endpoint.url);
  try {
    const all = await openMany(governor.port, clients);
    // How long a job takes is known from those before, as in a service that runs.
    for (let round = 0; round < 8; round += 1)
      await Promise.all(all.slice(0, slots).map((client, index) => submit(client, `J_before_${round}_${index}`)));
    const startedAt = performance.now();
    const [servedMs, sentMs]: number[][] = [[], []];
    await Promise.all(
      all.map(async (client, index) => {
        for (let refusals = 0; ; ) {
          sentMs?.push(performance.now() - startedAt);
          const reply = await submit(client, `J_${index}`);
          if (reply.status === 'done') break;
          if (reply.status !== 'yield') throw new Error(`given ${JSON.stringify(reply)}, expected done or yield`);
          refusals += 1;
          await sleep(policy(reply.retry_hint_ms ?? 0, refusals));
        }
        servedMs?.push(performance.now() - startedAt);
      }),
    );
    if (endpoint.seen.most > slots) throw new Error(`${endpoint.seen.most} at the endpoint at once, allowed ${slots}`);
    for (const client of all) client.close();
    return { name, servedMs: servedMs ?? [], sentMs: sentMs ?? [] };
  } finally {
    await governor.stop();
    endpoint.stop();
  }
}

/** In real time; test/services/shared/slots/storm.test.ts holds the same in virtual time. */
export function stormRows(courses: readonly Course[], { clients, slots, jobMs }: StormSize, quick: boolean): Row[] {
  const idealS = (Math.ceil(clients / slots) * jobMs) / 1000;
  const seconds = ({ servedMs }: Course) => (servedMs.at(-1) ?? Number.NaN) / 1000;
  const [hint, constant] = courses;
  if (!hint || !constant) return [];
  const figure = (course: Course, what: string, value: number, unit: string, baseline: number | null) => ({
    row: 'C8',
    name: `${clients} clients, ${course.name}: ${what}`,
    value,
    unit,
    baseline,
  });
  return [
    onQuietMachine(
      quick,
      must(
        "half of the constant's or less",
        hint.sentMs.length <= constant.sentMs.length / 2,
        figure(hint, 'requests sent', hint.sentMs.length, '', constant.sentMs.length),
      ),
    ),
    onQuietMachine(
      quick,
      must(
        '<= 1.5 of the least',
        seconds(hint) <= 1.5 * idealS,
        figure(hint, 'until all are served', seconds(hint), 's', idealS),
      ),
    ),
    ...courses
      .slice(1)
      .flatMap((course) => [
        told(null, figure(course, 'requests sent', course.sentMs.length, '', null)),
        told(null, figure(course, 'until all are served', seconds(course), 's', idealS)),
      ]),
  ];
}
