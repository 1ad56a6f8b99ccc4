/** An environment through a trace: its workers and its chat replicas, each by itself, as their tiers share nothing. */
import { definitionOf, type ServiceName } from '../../../services/manifest.ts';
import { grantPagesMax } from '../../../services/shared/contract/grant.ts';
import { type Environment, placementsOf } from '../../environment.ts';
import { optionOf, type Placement } from '../../schema/placement.ts';
import { type Constants, defaultHabits, type Habits, measuredConstants } from '../model.ts';
import { mainThreadOf, pageSecondsOf, parsersOf } from '../parts/pages.ts';
import { type ChatsRun, simulateChats } from './chats.ts';
import { type DocumentsRun, simulateDocuments, type WorkerTier } from './documents.ts';
import { seeded } from './random.ts';
import type { Scaling } from './replicas.ts';
import type { Arrival } from './trace.ts';

export interface Run {
  readonly environment: string;
  readonly documents: DocumentsRun;
  readonly chats: ChatsRun;
}

export interface SimulationOptions {
  readonly seed: number;
  /** How a tier scales between its least and its most replicas; undefined: it always has the most. */
  readonly scalingOf: (tier: 'chat' | 'document-worker') => Scaling | undefined;
  readonly habits?: Habits;
  readonly constants?: Constants;
}

/** Of a provider's parser, from a request to its answer: as `npm run bench -- scheduling` plays it. Not measured. */
const providerSeconds = 3;
/** A person who was refused for so long goes. */
const patienceSeconds = 60;

/** @throws Error where a tier has several placements: a swap is under way, and which one serves is not decided here. */
export function simulate(
  environment: Environment,
  arrivals: readonly Arrival[],
  { seed, scalingOf, habits = defaultHabits, constants = measuredConstants }: SimulationOptions,
): Run {
  const chat = onePlacement(environment, 'chat');
  const tokensPerSecond = habits.answerTokens / habits.answerSeconds;
  return {
    environment: environment.name,
    documents: simulateDocuments(
      arrivals.filter((one) => one.kind === 'document'),
      workerTier(environment, scalingOf('document-worker'), constants),
    ),
    chats: simulateChats(
      arrivals.filter((one) => one.kind === 'question'),
      {
        ...chat.replicas,
        scaling: scalingOf('chat'),
        slots: Number(optionOf(definitionOf('chat'), chat, 'slots')),
        streams: (constants.chatTokensPerSecondPerVcpu.value * mainThreadOf(chat)) / tokensPerSecond,
        answerSeconds: habits.answerSeconds,
        patienceSeconds,
      },
      seeded(seed),
    ),
  };
}

function workerTier(environment: Environment, scaling: Scaling | undefined, constants: Constants): WorkerTier {
  const { parser } = environment;
  const worker = onePlacement(environment, 'document-worker');
  if (parser) {
    const { requestsMax, pagesPerRequest, requestsPerMinute = 0, pagesPerMinute = 0 } = parser;
    return {
      ...worker.replicas,
      scaling,
      vcpu: requestsMax,
      slots: requestsMax,
      pagesPerGrant: pagesPerRequest,
      grantSeconds: () => providerSeconds,
      account: { name: 'parser', requestsPerMinute, pagesPerMinute },
    };
  }
  const slots = parsersOf(worker);
  const { parsing, indexing } = pageSecondsOf(worker, constants);
  // With every child at work a replica does what the sheet says of it.
  const pageSeconds = (parsing + indexing) * Math.min(worker.vcpu, slots);
  return {
    ...worker.replicas,
    scaling,
    vcpu: worker.vcpu,
    slots,
    pagesPerGrant: grantPagesMax,
    grantSeconds: (pages) => pages * pageSeconds,
  };
}

function onePlacement(environment: Environment, tier: ServiceName): Placement {
  const [placement, ...others] = placementsOf(environment, tier);
  if (!placement || others.length > 0)
    throw new Error(
      `${tier} has ${others.length + (placement ? 1 : 0)} placements; a simulation takes 1: end the swap`,
    );
  return placement;
}
