/** What the isolation bench measured, as rows. The goals of B8, B9 and D14 are ratios: under load against idle. */
import { availableParallelism } from 'node:os';
import type { Health } from '../load/health.ts';
import { type Latencies, quantiles } from '../load/probe.ts';
import { atMost, type Calls, must, type Row, setAsideRow, setAsideShare, told } from '../report/rows.ts';

export type Load = 'documents' | 'chat' | 'flood' | 'vectorstore';
export const loadsOfFull: readonly Load[] = ['documents', 'chat', 'flood', 'vectorstore'];

/** `answer`: the calls of `chat` until the answer's end. */
export type Probed = 'api' | 'chat' | 'answer';

/** What the calls of all rounds saw, by state and probed tier. */
export type Seen = Record<string, Partial<Record<Probed, Latencies>>>;

export interface Measured {
  readonly latencies: Seen;
  /** MiB by container, at idle and the most seen under load. */
  readonly memory: Readonly<Record<string, { readonly idle: number; readonly load: number; readonly budget: number }>>;
}

/** D14, B8, B9: a quantile under foreign load against the same at idle. */
const ratioMax = 1.2;

/**
 * Fewer cannot hold what one call passes (gateway, api, PostgreSQL, Redis), the loaded tier and the load itself: who wakes up
 * behind another waits for the kernel's next tick, up to 4 ms. That is told, not held: the last percent of the calls, and
 * the flood, for which PostgreSQL works too, within its own budget.
 */
const cpusMin = 4;
const tooFewCpus = availableParallelism() < cpusMin ? `${availableParallelism()} CPUs for all` : null;

const wordsOf: Readonly<Record<Load, string>> = {
  documents: 'documents saturated',
  chat: '100 chats of 12 s in flight',
  flood: 'chat flooded',
  vectorstore: 'vectorstore saturated',
};
const words: Readonly<Record<Probed, string>> = {
  api: 'simple api call',
  chat: 'first token of chat',
  answer: 'whole answer of chat',
};
const rowOf = (probed: Probed, state: string) =>
  probed === 'api' && state === 'chat' ? 'B8' : probed !== 'api' && state === 'documents' ? 'B9' : 'D14';

const quantilesTold = [
  ['p50Ms', 'median'],
  ['p95Ms', 'p95'],
  ['p99Ms', 'p99'],
] as const;

const probedTiers = ['api', 'chat', 'answer'] as const;

export function latencyRows(
  loads: readonly Load[],
  apart: Measured,
  together: Measured | undefined,
  quick: boolean,
): Row[] {
  const absolute = probedTiers.flatMap((probed) =>
    ['idle', ...loads].flatMap((state) => {
      const own = apart.latencies[state]?.[probed];
      if (!own) return [];
      const other = together?.latencies[state]?.[probed];
      const under = state === 'idle' ? 'idle' : wordsOf[state as Load];
      const fault = own.failed > 0 ? `${own.failed} calls failed` : null;
      return quantilesTold.map(([quantile, named]) =>
        told(
          null,
          {
            row: rowOf(probed, state),
            name: `${words[probed]}, ${under}: ${named}`,
            value: quantiles(own.timesMs)[quantile],
            unit: 'ms',
            baseline: other ? quantiles(other.timesMs)[quantile] : null,
          },
          fault,
        ),
      );
    }),
  );
  const ratios = probedTiers.flatMap((probed) =>
    loads.flatMap((load) =>
      apart.latencies[load]?.[probed]
        ? quantilesTold.map(([quantile, named]) => ratioRow({ probed, load, quantile, named }, apart, together, quick))
        : [],
    ),
  );
  // Agents of the machine run for some milliseconds in every second, which is where a 99th percentile looks.
  const setAside = setAsideRow(
    {
      row: 'D14',
      name: 'calls set aside: something else ran on this machine',
      baseline: together ? 100 * setAsideShare(allCalls(together)) : null,
    },
    allCalls(apart),
  );
  return [...absolute, ...ratios, setAside];
}

interface Ratio {
  readonly probed: Probed;
  readonly load: Load;
  readonly quantile: keyof ReturnType<typeof quantiles>;
  readonly named: string;
}

function ratioRow(
  { probed, load, quantile, named }: Ratio,
  apart: Measured,
  together: Measured | undefined,
  quick: boolean,
): Row {
  const seen = ({ latencies }: Measured) => [latencies[load]?.[probed], latencies.idle?.[probed]];
  const ratio = (measured: Measured) => {
    const [loaded, idle] = seen(measured).map((calls) => quantiles(calls?.timesMs ?? [])[quantile]);
    return (loaded as number) / (idle as number);
  };
  const figure = {
    row: rowOf(probed, load),
    name: `${named} of ${probed}, ${wordsOf[load]} against idle`,
    value: ratio(apart),
    unit: 'x',
    baseline: together ? ratio(together) : null,
  };
  // A search is part of an answer: chat behind a saturated vectorstore waits for it.
  const caller = probed !== 'api' && load === 'vectorstore';
  const hard = load === 'flood' || quantile === 'p99Ms';
  const why = caller ? 'chat calls it' : quick ? 'too few calls to judge' : hard ? tooFewCpus : null;
  const calls = seen(apart).flatMap((each) => (each ? [countsOf(each)] : []));
  return why === null ? atMost(ratioMax, figure, calls) : told(why, figure);
}

const countsOf = ({ timesMs, disturbed }: Latencies): Calls => ({ counted: timesMs.length, setAside: disturbed });
const allCalls = ({ latencies }: Measured): Calls[] =>
  Object.values(latencies).flatMap((probes) => Object.values(probes).map(countsOf));

export function memoryRows({ memory }: Measured): Row[] {
  return Object.entries(memory).flatMap(([name, { idle, load, budget }]) => [
    atMost(budget, { row: 'B13', unit: 'MiB', name: `memory of ${name}, idle`, value: idle }),
    atMost(budget, { row: 'B13', unit: 'MiB', name: `memory of ${name}, most under load`, value: load }),
  ]);
}

export interface Full extends Health {
  /** That more asked than it has slots. */
  readonly seconds: number;
  /** Tiers whose process is not the one of before. */
  readonly restarted: number;
}

export function healthRows({ timesMs, failed, seconds, restarted }: Full): Row[] {
  const row = (name: string, value: number, unit: string) => ({
    row: 'B11',
    name: `chat kept full for ${Math.round(seconds)} s: ${name}`,
    value,
    unit,
  });
  return [
    must(`0 of ${timesMs.length}`, failed === 0 && timesMs.length > 0, row('health checks that failed', failed, '')),
    must('0', restarted === 0, row('tiers that started anew', restarted, '')),
    told(null, row('p99 of a health check', quantiles(timesMs).p99Ms, 'ms')),
  ];
}

export interface FirstTokens {
  readonly chatMs: readonly number[];
  /** Of the model, asked by nobody else. */
  readonly modelMs: readonly number[];
}

/** B10. */
const overheadMsMax = 20;

export function firstTokenRows({ chatMs, modelMs }: FirstTokens): Row[] {
  const own = quantiles(modelMs).p50Ms;
  const row = (name: string, value: number) => ({ row: 'B10', name, value, unit: 'ms' });
  return [
    told(null, row("first token of the model itself, chat's bypassed: median", own)),
    told(null, row("first token by chat above the model's own: median", quantiles(chatMs).p50Ms - own)),
    atMost(overheadMsMax, row("first token by chat above the model's own: p95", quantiles(chatMs).p95Ms - own)),
  ];
}
