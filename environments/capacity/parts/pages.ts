/** How long pages take on workers and the vectorstore, and how many a parser's account gives. */
import { definitionOf } from '../../../services/manifest.ts';
import { usedShare } from '../../../services/shared/scheduler/policy-meter.ts';
import type { Environment } from '../../environment.ts';
import type { At } from '../../pricing/costed-environment.ts';
import { optionOf, type Placement } from '../../schema/placement.ts';
import type { Constants } from './constants.ts';

export const parsersOf = (place: Placement): number =>
  Number(optionOf(definitionOf('document-worker'), place, 'parserChildren'));

/** What its meter gives of the limits for pages and for requests. Undefined: nobody bounds them. */
export function accountPagesPerMinute({ parser }: Pick<Environment, 'parser'>): number | undefined {
  const limits = [
    parser?.pagesPerMinute,
    parser?.requestsPerMinute && parser.requestsPerMinute * parser.pagesPerRequest,
  ].filter((limit) => limit !== undefined);
  return limits.length > 0 ? usedShare * Math.min(...limits) : undefined;
}

/** CPUs that a service's own process uses at most: JavaScript runs in one thread. Children and native code have others. */
export const mainThreadOf = ({ vcpu }: Pick<Placement, 'vcpu'>): number => Math.min(1, vcpu);

/** Of one page on a worker: parsing and indexing follow each other on the same CPU; a child uses one CPU at most. */
export const pageSecondsOf = (place: Placement, constants: Constants): { parsing: number; indexing: number } => ({
  parsing: 1 / (constants.parsedPagesPerSecondPerVcpu.value * Math.min(place.vcpu, parsersOf(place))),
  indexing: 1 / (constants.indexedPagesPerSecondPerVcpu.value * mainThreadOf(place)),
});

/** Of one page on the vectorstore, while its worker cuts the next batch. */
export const committingSecondsOf = ({ vcpu }: Placement, constants: Constants): number =>
  1 / (constants.committedPagesPerSecondPerVcpu.value * vcpu);

export const pagesPerSecondOf = (
  workers: readonly Placement[],
  at: At,
  constants: Constants,
  /** More of each page in a worker's main thread, on one vCPU. */
  moreSeconds = 0,
): number =>
  workers.reduce((sum, place) => {
    const { parsing, indexing } = pageSecondsOf(place, constants);
    return sum + place.replicas[at] / (parsing + indexing + moreSeconds / mainThreadOf(place));
  }, 0);
