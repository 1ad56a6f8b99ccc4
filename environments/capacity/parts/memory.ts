/** What a replica of each tier needs at full load, beside what it is given. */
import { definitionOf, type ServiceName } from '../../../services/manifest.ts';
import { type Environment, placedServices, placementsOf } from '../../environment.ts';
import { optionOf, type Placement } from '../../schema/placement.ts';
import type { Constants } from './constants.ts';
import { parsersOf } from './pages.ts';

export interface TierMemory {
  readonly tier: ServiceName;
  readonly neededMiB: number;
  readonly givenMiB: number;
}

/** Of several placements of a tier the one with the least to spare. The governor's was not measured. */
export function memoryOf(environment: Environment, constants: Constants): TierMemory[] {
  return placedServices(environment).flatMap((tier) => {
    const needed = neededOf[tier];
    if (!needed) return [];
    const all = placementsOf(environment, tier).map((place) => ({
      tier,
      neededMiB: needed(constants, place),
      givenMiB: place.memoryMiB,
    }));
    return all.toSorted((a, b) => a.givenMiB - a.neededMiB - (b.givenMiB - b.neededMiB)).slice(0, 1);
  });
}

const neededOf: Partial<Record<ServiceName, (constants: Constants, place: Placement) => number>> = {
  web: ({ webMiB }) => webMiB.value,
  api: ({ apiMiB }) => apiMiB.value,
  chat: ({ chatMiBIdle, chatMiBPerSlot }, place) =>
    chatMiBIdle.value + chatMiBPerSlot.value * Number(optionOf(definitionOf('chat'), place, 'slots')),
  'document-worker': ({ workerMiBIdle, workerMiBPerSlot }, place) =>
    workerMiBIdle.value + workerMiBPerSlot.value * parsersOf(place),
  vectorstore: ({ vectorstoreMiB }, { memoryMiB }) => vectorstoreMiB.value + memoryMiB * cacheShare,
  embedding: ({ embeddingMiB }) => embeddingMiB.value,
};

/** Of a vectorstore's memory that its cache may take (environments/wiring/settings.ts). */
export const cacheShare = 1 / 4;
