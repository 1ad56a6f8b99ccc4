/** What a replica of each tier needs at full load, and what it may stand at, beside what it is given. */
import { definitionOf, type ServiceName } from '../../../services/manifest.ts';
import { garbageMiB } from '../../budget/heap.ts';
import { type Environment, placedServices, placementsOf } from '../../environment.ts';
import { optionOf, type Placement } from '../../schema/placement.ts';
import type { Constants } from './constants.ts';
import { parsersOf } from './pages.ts';

export interface TierMemory {
  readonly tier: ServiceName;
  /** With less it ends. */
  readonly neededMiB: number;
  /** With the garbage that V8 leaves where there is room, and a full cache. */
  readonly mostMiB: number;
  readonly givenMiB: number;
}

/** Of several placements of a tier the one with the least to spare. The governor's was not measured. */
export function memoryOf(environment: Environment, constants: Constants): TierMemory[] {
  return placedServices(environment).flatMap((tier) => {
    const needed = neededOf[tier];
    if (!needed) return [];
    const all = placementsOf(environment, tier).map((place) => {
      const neededMiB = needed(constants, place);
      return { tier, neededMiB, mostMiB: neededMiB + besideMiB(tier, place), givenMiB: place.memoryMiB };
    });
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
  vectorstore: ({ vectorstoreMiB }) => vectorstoreMiB.value,
  embedding: ({ embeddingMiB }) => embeddingMiB.value,
};

const besideMiB = (tier: ServiceName, place: Placement) =>
  garbageMiB(tier, place.memoryMiB) + (cacheOf[tier]?.(place) ?? 0);
const cacheOf: Partial<Record<ServiceName, (place: Placement) => number>> = {
  vectorstore: ({ memoryMiB }) => memoryMiB * cacheShare,
};

/** Of a vectorstore's memory that its cache may take (environments/wiring/settings.ts). */
export const cacheShare = 1 / 4;
