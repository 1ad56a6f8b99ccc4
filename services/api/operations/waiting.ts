/** What waits to be read: by band as the schedule tells it, by tenant as PostgreSQL does. */
import { sql } from 'kysely';
import type { HeldPages, SchedulerSnapshot } from '../../shared/contract/grant.ts';
import { bands } from '../../shared/contract/job.ts';
import type { Operations } from '../../shared/contract/operations.ts';
import { grantableStatuses } from '../../shared/jobs/job-states.ts';
import type { Database } from '../../shared/postgres/database.ts';

export interface WaitingTenant {
  readonly tenant_id: string;
  readonly name: string;
  readonly pages_left: number;
  readonly oldest: Date;
}

const tenantsMax = 50;

/** Those with most pages left. A document before its probe counts as one page. */
export async function readTenants(db: Database): Promise<WaitingTenant[]> {
  const { rows } = await sql<WaitingTenant>`
    select jobs.tenant_id, tenants.name, min(jobs.created_at) as oldest,
      sum(coalesce(jobs.pages_total, 1) - jobs.pages_done)::bigint as pages_left
    from jobs join tenants on tenants.id = jobs.tenant_id
    where jobs.kind = 'ingest' and jobs.status = any(${grantableStatuses})
    group by jobs.tenant_id, tenants.name
    order by pages_left desc, jobs.tenant_id
    limit ${tenantsMax}`.execute(db);
  return rows;
}

/** @param snapshot null: Redis is away */
export function documentsOf(
  snapshot: SchedulerSnapshot | null,
  held: readonly HeldPages[],
  tenants: readonly WaitingTenant[],
  nowMs: number,
): Omit<Operations['documents'], 'pages_per_minute'> {
  const granted = (of: (one: HeldPages) => boolean) => held.filter(of).reduce((sum, { pages }) => sum + pages, 0);
  return {
    probes_waiting: snapshot?.probes ?? 0,
    bands: bands.map((band) => {
      const found = snapshot?.bands.find((one) => one.band === band);
      return {
        band,
        jobs_waiting: found?.jobs ?? 0,
        pages_waiting: found?.pages ?? 0,
        pages_granted: granted((one) => one.band === band),
        oldest_wait_seconds: (found?.oldestWaitMs ?? 0) / 1000,
      };
    }),
    tenants: tenants.map(({ oldest, ...tenant }) => ({
      ...tenant,
      pages_granted: granted(({ tenantId }) => tenantId === tenant.tenant_id),
      oldest_wait_seconds: Math.max(0, nowMs - oldest.getTime()) / 1000,
    })),
  };
}
