/** What pages leave behind, how fast that grows, and what a search in it takes. */
import { type Environment, placementsOf } from '../../environment.ts';
import type { Constants } from './constants.ts';
import { promisedHoursPerDay } from './habits.ts';
import { cacheShare } from './memory.ts';

export interface Stored {
  /** Tables alone, with vectors. */
  readonly pagesPerGiB: number;
  /** Tables, page results and rows in PostgreSQL; uploads are as large as they are. */
  readonly gibPer1000Pages: number;
  /** With the pages that are carried, in the hours of a day that a promise counts. */
  readonly gibPerDay: number;
  /** In the cache of one replica: it searches more of them more slowly, from the object store. */
  readonly chunksCached: number;
  /** Of all replicas, in a brain of so many chunks. */
  readonly searchesPerSecondThen: number;
}

/** Of the brains that searches were measured in: a manual of so many pages, and made chunks. */
export const smallPages = 110;
const largeChunks = 100_000;

export function storedOf(environment: Environment, pagesPerMinute: number, constants: Constants): Stored {
  const stores = placementsOf(environment, 'vectorstore');
  const chunksPerPage = constants.chunksPerPage.value;
  const pagesPerGiB = constants.chunksPerGiBStored.value / chunksPerPage;
  const otherKiB = constants.resultKiBPerPage.value + constants.databaseKiBPerPage.value;
  const gibPer1000Pages = 1000 / pagesPerGiB + (1000 * otherKiB) / 2 ** 20;
  const cacheKiB = Math.min(...stores.map(({ memoryMiB }) => memoryMiB * cacheShare * 1024));
  const chunksCached = cacheKiB / constants.cacheKiBPerChunk.value;
  const vcpu = stores.reduce((sum, place) => sum + place.vcpu * place.replicas.max, 0);
  return {
    pagesPerGiB,
    gibPer1000Pages,
    gibPerDay: (pagesPerMinute * 60 * promisedHoursPerDay * gibPer1000Pages) / 1000,
    chunksCached,
    searchesPerSecondThen: vcpu / searchSeconds(chunksCached, constants),
  };
}

/** CPU of a search in a brain of so many chunks: on a straight line through both that were measured, and never less. */
export function searchSeconds(chunks: number, constants: Constants): number {
  const small = 1 / constants.vectorstoreSearchesPerSecondPerVcpu.value;
  const large = 1 / constants.largeSearchesPerSecondPerVcpu.value;
  const smallChunks = smallPages * constants.chunksPerPage.value;
  const each = Math.max(0, large - small) / (largeChunks - smallChunks);
  return small + each * Math.max(0, chunks - smallChunks);
}
