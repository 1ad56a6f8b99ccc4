/**
 * What an environment carries, from its budgets and the measured constants: a limit per part, and how full each part is
 * at a given load. What was not measured (PostgreSQL, Redis, whether a second replica doubles the first) is in none of it.
 */
import { serviceNames, usesStore } from '../../services/manifest.ts';
import { connectionsAsked, connectionsOf } from '../budget/postgres-connections.ts';
import { type Environment, placementsOf } from '../environment.ts';
import type { At } from '../pricing/costed-environment.ts';
import { type Constants, measuredConstants } from './parts/constants.ts';
import { defaultHabits, type Habits } from './parts/habits.ts';
import { type Carried, type Limit, limitsOf } from './parts/limits.ts';
import { memoryOf, type TierMemory } from './parts/memory.ts';
import { pagesPerSecondOf, parsersOf } from './parts/pages.ts';
import { type ScaleOut, scaleOutOf } from './parts/scale-out.ts';
import { type Stored, storedOf } from './parts/stored.ts';
import { type Waits, waitsOf } from './queueing.ts';
import { hugeSecondsOf } from './simulation/huge-document.ts';

export {
  type Constants,
  measuredArchitecture,
  measuredCalibration,
  measuredConstants,
  measuredCpu,
  onCpu,
  source,
} from './parts/constants.ts';
export { defaultHabits, type Habits } from './parts/habits.ts';
export type { Carried, Limit } from './parts/limits.ts';
export { committingSecondsOf, pageSecondsOf } from './parts/pages.ts';

export interface Capacity {
  readonly at: At;
  readonly carried: Carried;
  /** Every part's own limit; the least of each kind is what is carried. */
  readonly limits: readonly Limit[];
  /** Of a light document's pages, with the parsers as full as {@link Habits.busyShare}. */
  readonly lightWait: Waits;
  /** Of all workers: parser children, and how long one is busy with a light document. */
  readonly parsing: { readonly children: number; readonly serviceSeconds: number };
  /** Of a document of 2,000 pages until it is found by its words: nobody else there, and everybody. */
  readonly hugeSeconds: { readonly alone: number; readonly underLoad: number };
  readonly stored: Stored;
  /** Chats a minute whose passages are ordered anew; the others keep the order of the search. Absent: no reranker. */
  readonly rerankedChatsPerMinute: number | undefined;
  readonly memory: readonly TierMemory[];
  readonly connections: {
    readonly postgres: { readonly asked: number; readonly allowed: number | undefined };
    readonly redis: { readonly asked: number; readonly allowed: number };
  };
  /** Of tiers with a range of replicas. */
  readonly scaleOut: readonly ScaleOut[];
}

/** ElastiCache's maxclients, of any size: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html */
const redisConnectionsMax = 65_000;

/** @param at At least or at most replicas. */
export function capacityOf(
  environment: Environment,
  at: At = 'max',
  habits: Habits = defaultHabits,
  constants: Constants = measuredConstants,
): Capacity {
  const limits = limitsOf(environment, at, habits, constants);
  const carried = leastOf(limits);
  const workers = placementsOf(environment, 'document-worker');
  const pagesPerSecond = pagesPerSecondOf(workers, at, constants);
  const children = sum(workers, (place) => parsersOf(place) * place.replicas[at]);
  const serviceSeconds = (habits.lightPages * children) / pagesPerSecond;
  const { replicas, each } = connectionsAsked(environment.tiers);
  const { reranker } = environment;
  return {
    at,
    limits,
    carried,
    lightWait: waitsOf({
      servers: children,
      serviceSeconds,
      arrivalsPerSecond: (habits.busyShare * children) / serviceSeconds,
    }),
    parsing: { children, serviceSeconds },
    hugeSeconds: hugeSecondsOf(environment, at, carried.pagesPerMinute, constants),
    stored: storedOf(environment, carried.pagesPerMinute, constants),
    rerankedChatsPerMinute:
      reranker && Math.min(carried.chatsPerMinute, reranker.requestsPerMinute ?? Number.POSITIVE_INFINITY),
    memory: memoryOf(environment, constants),
    connections: {
      postgres: {
        asked: replicas * each,
        allowed:
          environment.aws &&
          (environment.aws.existing.postgres?.connectionsMax ?? connectionsOf(environment.aws.postgres.instanceClass)),
      },
      // A replica has one (services/shared/redis.ts).
      redis: { asked: sum(redisUsers(environment), (place) => place.replicas.max), allowed: redisConnectionsMax },
    },
    scaleOut: scaleOutOf(environment, constants, (which) => carriedOf(environment, which, habits, constants)),
  };
}

/** What alone is asked of many environments beside each other. */
export const carriedOf = (
  environment: Environment,
  at: At = 'max',
  habits: Habits = defaultHabits,
  constants: Constants = measuredConstants,
): Carried => leastOf(limitsOf(environment, at, habits, constants));

const leastOf = (limits: readonly Limit[]): Carried => {
  const least = (kind: keyof Carried) =>
    Math.min(...limits.filter(({ bounds }) => bounds === kind).map(({ value }) => value));
  return {
    pagesPerMinute: least('pagesPerMinute'),
    embeddedPagesPerMinute: least('embeddedPagesPerMinute'),
    concurrentChats: least('concurrentChats'),
    chatsPerMinute: least('chatsPerMinute'),
    apiRequestsPerSecond: least('apiRequestsPerSecond'),
  };
};

const redisUsers = (environment: Environment) =>
  serviceNames.filter((name) => usesStore(name, 'redis')).flatMap((name) => placementsOf(environment, name));

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
