/**
 * What an environment carries, from its budgets and the measured constants: a limit per part, and how full each part is
 * at a given load. What was not measured (embedding, the model's own limits, PostgreSQL, Redis) is in none of it.
 */

import { definitionOf, type ServiceName } from '../../services/manifest.ts';
import { connectionsAsked, connectionsOf } from '../budget/postgres-connections.ts';
import { type Environment, placementsOf } from '../environment.ts';
import type { At } from '../pricing/costed-environment.ts';
import { optionOf, type Placement } from '../schema/placement.ts';
import measured from './measured.json' with { type: 'json' };
import { offeredAt, type Waits, waitsOf } from './queueing.ts';

type Name = keyof typeof measured.constants;
export type Constants = Readonly<Record<Name, { readonly value: number }>>;

export const measuredConstants: Constants = measured.constants;
export const measuredArchitecture = measured.architecture;
export const measuredCpu = measured.cpu;
/** Of a round of work that is the same everywhere, in a second of the CPU that the constants are of. Absent: not taken. */
export const measuredCalibration = (measured as { calibration?: number }).calibration;

/** As on a CPU that does so much of what the measured one did; memory and storage do not change. */
export const onCpu = (factor: number, constants: Constants = measuredConstants): Constants =>
  Object.fromEntries(
    Object.entries(constants).map(([name, { value }]) => {
      if (name.endsWith('PerSecondPerVcpu')) return [name, { value: value * factor }];
      return [name, { value: name.startsWith('startSeconds') ? value / factor : value }];
    }),
  ) as unknown as Constants;

/** Where the constants come from. */
export const source = `measured ${measured.measured} on ${measured.cpu}, ${measured.cores} cores, Node ${measured.node}`;

/** What people do; the constants cannot say it. */
export interface Habits {
  /** An answer holds its slot as long: 240 tokens at 20 a second, as the constants were measured. */
  readonly answerSeconds: number;
  readonly answerTokens: number;
  /** Read by the model for one answer: 16 passages of 1,200 characters, 4 a token, and 600 of rules, question and turns before. */
  readonly promptTokens: number;
  /** Of chats, told to come back. */
  readonly refusedMax: number;
  /** Pages of a light document. */
  readonly lightPages: number;
  /** How full parsers are where a wait is told: above, a wait grows without bound with small changes of load. */
  readonly busyShare: number;
}

export const defaultHabits: Habits = {
  answerSeconds: 12,
  answerTokens: 240,
  promptTokens: 5400,
  refusedMax: 0.01,
  lightPages: 10,
  busyShare: 0.8,
};

/** What a promise may name, too. */
export interface Carried {
  readonly pagesPerMinute: number;
  readonly concurrentChats: number;
  readonly chatsPerMinute: number;
  readonly apiRequestsPerSecond: number;
}

export interface Limit {
  readonly part: string;
  /** Whose replicas raise it. Absent: an account's limit, that no replica raises. */
  readonly tier?: ServiceName;
  /** What it bounds, and at how much. */
  readonly bounds: keyof Carried;
  readonly value: number;
}

export interface Capacity {
  readonly at: At;
  readonly carried: Carried;
  /** Every part's own limit; the least of each kind is what is carried. */
  readonly limits: readonly Limit[];
  /** Of a light document's pages, with the parsers as full as {@link Habits.busyShare}. */
  readonly lightWait: Waits;
  /** Of all workers: parser children, and how long one is busy with a light document. */
  readonly parsing: { readonly children: number; readonly serviceSeconds: number };
  /** Of a document of 2,000 pages, alone, until it is found by its words. */
  readonly hugeSeconds: number;
  readonly pagesPerGiB: number;
  readonly workerMemoryMiB: { readonly needed: number; readonly given: number };
  readonly connections: { readonly asked: number; readonly allowed: number | undefined };
}

const parsersOf = (place: Placement) => Number(optionOf(definitionOf('document-worker'), place, 'parserChildren'));

/** Of one page on a worker: parsing and indexing follow each other on the same CPU; a child uses one CPU at most. */
export const pageSecondsOf = (place: Placement, constants: Constants): { parsing: number; indexing: number } => ({
  parsing: 1 / (constants.parsedPagesPerSecondPerVcpu.value * Math.min(place.vcpu, parsersOf(place))),
  indexing: 1 / (constants.indexedPagesPerSecondPerVcpu.value * place.vcpu),
});

/** @param at At least or at most replicas. */
export function capacityOf(
  environment: Environment,
  at: At = 'max',
  habits: Habits = defaultHabits,
  constants: Constants = measuredConstants,
): Capacity {
  const of = (name: Name) => constants[name].value;
  const workers = placementsOf(environment, 'document-worker');
  const chats = placementsOf(environment, 'chat');
  const vcpu = (places: readonly Placement[]) => sum(places, (place) => place.vcpu * place.replicas[at]);
  const slotsOf = (place: Placement) => Number(optionOf(definitionOf('chat'), place, 'slots'));

  const pagesPerSecond = sum(workers, (place) => {
    const { parsing, indexing } = pageSecondsOf(place, constants);
    return place.replicas[at] / (parsing + indexing);
  });
  const slots = sum(chats, (place) => slotsOf(place) * place.replicas[at]);
  const answered = (concurrent: number) => (offeredAt(concurrent, habits.refusedMax) / habits.answerSeconds) * 60;
  const tokensPerSecond = of('chatTokensPerSecondPerVcpu') * vcpu(chats);
  const streams = Math.floor(tokensPerSecond / (habits.answerTokens / habits.answerSeconds));
  const searches = of('vectorstoreSearchesPerSecondPerVcpu') * vcpu(placementsOf(environment, 'vectorstore'));
  const accountPages = environment.parser?.pagesPerMinute;
  const limits: Limit[] = [
    ...(accountPages === undefined
      ? []
      : [{ part: "the parser's account", bounds: 'pagesPerMinute' as const, value: accountPages }]),
    { part: 'document-worker CPU', tier: 'document-worker', bounds: 'pagesPerMinute', value: pagesPerSecond * 60 },
    { part: 'chat slots', tier: 'chat', bounds: 'concurrentChats', value: slots },
    { part: 'chat CPU', tier: 'chat', bounds: 'concurrentChats', value: streams },
    { part: 'chat slots', tier: 'chat', bounds: 'chatsPerMinute', value: answered(Math.min(slots, streams)) },
    { part: 'vectorstore CPU', tier: 'vectorstore', bounds: 'chatsPerMinute', value: searches * 60 },
    {
      part: 'api CPU',
      tier: 'api',
      bounds: 'apiRequestsPerSecond',
      value: of('apiRequestsPerSecondPerVcpu') * vcpu(placementsOf(environment, 'api')),
    },
  ];
  const least = (kind: keyof Carried) =>
    Math.min(...limits.filter(({ bounds }) => bounds === kind).map(({ value }) => value));
  const children = sum(workers, (place) => parsersOf(place) * place.replicas[at]);
  const serviceSeconds = (habits.lightPages * children) / pagesPerSecond;
  const { replicas, each } = connectionsAsked(environment.tiers);
  const tightest = workers.toSorted((a, b) => spare(a) - spare(b))[0] as Placement;
  function spare(place: Placement) {
    return place.memoryMiB - neededMiB(place);
  }
  function neededMiB(place: Placement) {
    return of('workerMiBIdle') + of('workerMiBPerSlot') * parsersOf(place);
  }
  return {
    at,
    limits,
    carried: {
      pagesPerMinute: least('pagesPerMinute'),
      concurrentChats: least('concurrentChats'),
      chatsPerMinute: least('chatsPerMinute'),
      apiRequestsPerSecond: least('apiRequestsPerSecond'),
    },
    lightWait: waitsOf({
      servers: children,
      serviceSeconds,
      arrivalsPerSecond: (habits.busyShare * children) / serviceSeconds,
    }),
    parsing: { children, serviceSeconds },
    hugeSeconds: 2000 / pagesPerSecond,
    pagesPerGiB: of('chunksPerGiBStored') / of('chunksPerPage'),
    workerMemoryMiB: { needed: neededMiB(tightest), given: tightest.memoryMiB },
    connections: {
      asked: replicas * each,
      allowed:
        environment.aws &&
        (environment.aws.existing.postgres?.connectionsMax ?? connectionsOf(environment.aws.postgres.instanceClass)),
    },
  };
}

/** How full each part is at a load, the fullest first: that one saturates first when the load grows as it is. */
export function fullest(
  { limits }: Pick<Capacity, 'limits'>,
  load: Partial<Carried>,
): readonly (Limit & { readonly share: number })[] {
  return limits
    .flatMap((limit) => {
      const asked = load[limit.bounds];
      return asked === undefined ? [] : [{ ...limit, share: asked / limit.value }];
    })
    .toSorted((a, b) => b.share - a.share);
}

const sum = <T>(values: readonly T[], of: (value: T) => number) => values.reduce((total, one) => total + of(one), 0);
