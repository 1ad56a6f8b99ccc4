/** What each part of an environment carries by itself. */
import { definitionOf, type ServiceName } from '../../../services/manifest.ts';
import { endpointBounds, endpointOf } from '../../../services/models.ts';
import { usedShare } from '../../../services/shared/scheduler/policy-meter.ts';
import { type Environment, placementsOf } from '../../environment.ts';
import type { At } from '../../pricing/costed-environment.ts';
import { optionOf, type Placement } from '../../schema/placement.ts';
import { offeredAt } from '../queueing.ts';
import type { ConstantName, Constants } from './constants.ts';
import type { Habits } from './habits.ts';
import { accountPagesPerMinute, mainThreadOf, pagesPerSecondOf } from './pages.ts';
import { smallPages } from './stored.ts';

/** What a promise may name, too. */
export interface Carried {
  /** Until they are found by their words. */
  readonly pagesPerMinute: number;
  /** Until they have their vectors: when more come for long, these fall behind. */
  readonly embeddedPagesPerMinute: number;
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

/** Characters of a chunk, 4 a token. */
export const chunkTokens = 300;

export function limitsOf(environment: Environment, at: At, habits: Habits, constants: Constants): Limit[] {
  return [
    ...pageLimits(environment, at, constants),
    ...vectorLimits(environment, at, constants),
    ...chatLimits(environment, at, habits, constants),
    {
      part: 'api CPU',
      tier: 'api',
      bounds: 'apiRequestsPerSecond',
      value: constants.apiRequestsPerSecondPerVcpu.value * threadsOf(environment, 'api', at),
    },
  ];
}

function pageLimits(environment: Environment, at: At, constants: Constants): Limit[] {
  const workers = placementsOf(environment, 'document-worker');
  const account = accountPagesPerMinute(environment);
  return [
    ...(account === undefined
      ? []
      : [{ part: "the parser's account", bounds: 'pagesPerMinute', value: account } as const]),
    {
      part: 'document-worker CPU',
      tier: 'document-worker',
      bounds: 'pagesPerMinute',
      value: 60 * pagesPerSecondOf(workers, at, constants),
    },
    {
      part: 'vectorstore CPU',
      tier: 'vectorstore',
      bounds: 'pagesPerMinute',
      value: 60 * constants.committedPagesPerSecondPerVcpu.value * vcpuOf(environment, 'vectorstore', at),
    },
  ];
}

/**
 * A table is tidied every ten seconds while it is written, and once after (services/vectorstore/maintenance/compaction.ts). Where
 * the vectorstore is the limit, a manual's vectors are there within the first ten.
 */
const tidiedPerManual = 2;

/** Of pages with their vectors: what they took before, and what vectors take. */
function vectorLimits(environment: Environment, at: At, constants: Constants): Limit[] {
  const { embeddingModel } = environment;
  const of = (name: ConstantName) => constants[name].value;
  const bounds = 'embeddedPagesPerMinute';
  const limit = (part: string, tier: ServiceName, value: number): Limit => ({ part, tier, bounds, value });
  const chunks = of('chunksPerPage');
  if (!embeddingModel && placementsOf(environment, 'embedding').length === 0)
    return [{ part: 'no embedding', bounds, value: 0 }];
  const vectorstoreSeconds =
    1 / of('committedPagesPerSecondPerVcpu') +
    chunks / of('vectorstoreVectorChunksPerSecondPerVcpu') +
    (tidiedPerManual * of('tidySeconds')) / smallPages;
  const workers = placementsOf(environment, 'document-worker');
  const tokens = embeddingModel?.tokensPerMinute;
  return [
    ...pageLimits(environment, at, constants)
      .filter(({ tier }) => tier === undefined)
      .map((account) => ({ ...account, bounds }) as const),
    limit(
      'document-worker CPU',
      'document-worker',
      60 * pagesPerSecondOf(workers, at, constants, chunks / of('workerVectorChunksPerSecondPerVcpu')),
    ),
    limit('vectorstore CPU', 'vectorstore', (60 * vcpuOf(environment, 'vectorstore', at)) / vectorstoreSeconds),
    ...(embeddingModel
      ? tokens === undefined
        ? []
        : [{ part: "the embedding's account", bounds, value: (usedShare * tokens) / (chunks * chunkTokens) } as const]
      : [
          limit(
            'embedding CPU',
            'embedding',
            (60 * of('embeddedChunksPerSecondPerVcpu') * vcpuOf(environment, 'embedding', at)) / chunks,
          ),
        ]),
  ];
}

/** Slots, what answers in them and what it asks; of several models the one that is asked by default. */
function chatLimits(environment: Environment, at: At, habits: Habits, constants: Constants): Limit[] {
  const { embeddingModel } = environment;
  const of = (name: ConstantName) => constants[name].value;
  const chats = placementsOf(environment, 'chat');
  const slots = sum(chats, (place) => Number(optionOf(definitionOf('chat'), place, 'slots')) * place.replicas[at]);
  const tokensPerSecond = of('chatTokensPerSecondPerVcpu') * threadsOf(environment, 'chat', at);
  const concurrent: Limit[] = [
    { part: 'chat slots', tier: 'chat', bounds: 'concurrentChats', value: slots },
    {
      part: 'chat CPU',
      tier: 'chat',
      bounds: 'concurrentChats',
      value: Math.floor(tokensPerSecond / (habits.answerTokens / habits.answerSeconds)),
    },
    ...inFlight(environment).map(({ part, value }): Limit => ({ part, bounds: 'concurrentChats', value })),
  ];
  const perMinute = (part: string, value: number | undefined, tier?: ServiceName): Limit[] =>
    value === undefined ? [] : [{ part, ...(tier && { tier }), bounds: 'chatsPerMinute', value }];
  const answered = (limits: readonly Limit[]) =>
    (offeredAt(Math.min(...limits.map(({ value }) => value)), habits.refusedMax) / habits.answerSeconds) * 60;
  const model = environment.models?.[0];
  const searches = of('vectorstoreSearchesPerSecondPerVcpu') * vcpuOf(environment, 'vectorstore', at);
  const ofTier = concurrent.filter(({ tier }) => tier !== undefined);
  return [
    ...concurrent,
    ...perMinute('chat slots', answered(ofTier), 'chat'),
    ...concurrent.filter(({ tier }) => tier === undefined).flatMap((limit) => perMinute(limit.part, answered([limit]))),
    ...perMinute('vectorstore CPU', searches * 60, 'vectorstore'),
    ...perMinute("the model's account", model?.requestsPerMinute && usedShare * model.requestsPerMinute),
    ...perMinute(
      "the model's account",
      model?.tokensPerMinute && (usedShare * model.tokensPerMinute) / (habits.promptTokens + habits.answerTokens),
    ),
    ...(embeddingModel
      ? perMinute(
          "the embedding's account",
          embeddingModel.requestsPerMinute && usedShare * embeddingModel.requestsPerMinute,
        )
      : placementsOf(environment, 'embedding').length > 0
        ? perMinute(
            'embedding CPU',
            60 * of('embeddedQuestionsPerSecondPerVcpu') * vcpuOf(environment, 'embedding', at),
            'embedding',
          )
        : []),
  ];
}

/** Answers that the endpoint of the default model gives at a time, of all replicas together. */
function inFlight(environment: Environment): { part: string; value: number }[] {
  const [first] = environment.models ?? [];
  const most = first && endpointBounds(environment.models ?? []).get(endpointOf(first));
  const [governor] = placementsOf(environment, 'governor');
  return [
    ...(most === undefined ? [] : [{ part: "the model's slots", value: most }]),
    ...(governor
      ? [{ part: "the governor's slots", value: Number(optionOf(definitionOf('governor'), governor, 'maxInFlight')) }]
      : []),
  ];
}

const vcpuOf = (environment: Environment, tier: ServiceName, at: At) =>
  sum(placementsOf(environment, tier), ({ vcpu, replicas }: Placement) => vcpu * replicas[at]);
const threadsOf = (environment: Environment, tier: ServiceName, at: At) =>
  sum(placementsOf(environment, tier), (place) => mainThreadOf(place) * place.replicas[at]);
const sum = <T>(values: readonly T[], of: (value: T) => number) => values.reduce((total, one) => total + of(one), 0);
