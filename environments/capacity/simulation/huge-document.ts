/** How long a large document takes, alone and among others: the scheduler's own rules say its share. */
import { grantPagesMax } from '../../../services/shared/contract/grant.ts';
import { bands } from '../../../services/shared/contract/job.ts';
import { flowOf } from '../../../services/shared/scheduler/estimate-flow.ts';
import { type Environment, placementsOf } from '../../environment.ts';
import type { At } from '../../pricing/costed-environment.ts';
import type { Placement } from '../../schema/placement.ts';
import type { Constants } from '../parts/constants.ts';
import { accountPagesPerMinute, committingSecondsOf, pageSecondsOf, parsersOf } from '../parts/pages.ts';

const hugePages = 2000;
/** More than is read while the document is. */
const endless = 1e9;

/** Of 2,000 pages until they are found by their words; start and probe are not counted. */
export function hugeSecondsOf(
  environment: Environment,
  at: At,
  pagesPerMinute: number,
  constants: Constants,
): { readonly alone: number; readonly underLoad: number } {
  const workers = placementsOf(environment, 'document-worker');
  const parsed = workers.reduce((sum, place) => sum + place.replicas[at] / pageSecondsOf(place, constants).parsing, 0);
  const accountPages = accountPagesPerMinute(environment) ?? Number.POSITIVE_INFINITY;
  // One worker cuts it, in one thread, and one vectorstore writes the brain; meanwhile the next batch is cut.
  const slowest = (of: (place: Placement) => number, places: readonly Placement[]) => Math.max(...places.map(of));
  const indexing = Math.max(
    slowest((place) => pageSecondsOf(place, constants).indexing, workers),
    slowest((place) => committingSecondsOf(place, constants), placementsOf(environment, 'vectorstore')),
  );
  // Of its pages the scheduler counts; the rules as a flow (services/shared/scheduler/estimate-flow.ts).
  const { endsAt } = flowOf(
    {
      tenant: 'own',
      kind: 'parse',
      band: bands.length,
      waiting: true,
      pagesLeft: hugePages,
      pagesHeld: 0,
      heldMs: 0,
      jobsAhead: 0,
      pagesAhead: 0,
    },
    {
      bands: bands.map((band) => ({
        backlog: new Map([[`tenant of ${band}`, endless]]),
        sorted: [endless],
        arrived: { pages: 0, batches: 0 },
      })),
      observedMs: 3_600_000,
      windowMs: 3_600_000,
      slots: workers.reduce((sum, place) => sum + parsersOf(place) * place.replicas[at], 0),
      leases: 0,
      pagesPerGrant: grantPagesMax,
      readMs: 0,
      readPages: 0,
      readGrants: 0,
      requestsPerMinute: null,
      pagesPerMinute: null,
      factor: 1,
      heldMs: 0,
    },
    pagesPerMinute / 60_000,
  );
  return {
    alone: hugePages / Math.min(parsed, accountPages / 60) + hugePages * indexing,
    underLoad: endsAt / (pagesPerMinute / 60) + hugePages * indexing,
  };
}
