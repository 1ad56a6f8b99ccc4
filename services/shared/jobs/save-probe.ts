/** What a probe found, with its price: a job takes its pages and dollars, or waits for a person or another day. */
import type { Transaction } from 'kysely';
import type { Lease } from '../contract/grant.ts';
import { lockLimited, takeQuotas } from '../ledger/quota.ts';
import { QuotaError } from '../ledger/quota-error.ts';
import type { Database } from '../postgres/database.ts';
import type { Tables } from '../postgres/tables.ts';
import type { LeaseDecision } from './job-states.ts';
import { changeStatus, type JobRow, recordChange, recordProgress } from './job-store.ts';
import { lockJob } from './leased-jobs.ts';
import { chargedFor, pause } from './paused-jobs.ts';

/** Of a document, in US dollars, about; null: a price is not known. */
export interface IngestPrice {
  readonly readingUsd: number | null;
  readonly embeddingUsd: number | null;
}

/** Than what a job was told. A price that nobody knows may be any. */
export function isDearer({ readingUsd, embeddingUsd }: IngestPrice, toldUsd: number | null): boolean {
  if (toldUsd === null) return false;
  return readingUsd === null || embeddingUsd === null || readingUsd + embeddingUsd > toldUsd + storedUsd;
}
/** Prices are stored in millionths. */
const storedUsd = 1e-6;

/** Of its day, as ledger/quota-use.ts counts it. */
function usdHeldBy({ pages_total, pages_done, price_usd, embedding_usd, embedding_usd_left }: JobRow): number {
  if (!pages_total) return 0;
  const reading = price_usd === null ? 0 : price_usd - (embedding_usd ?? 0);
  return (reading * (pages_total - pages_done)) / pages_total + embedding_usd_left;
}

/**
 * What the probe found, or what is dearer since (another parser was chosen); from now on the job takes its pages from the
 * tenant's quota. Refused (anything but `work`) when the lease is not the newest.
 *
 * @returns `ask`: so many pages, or at such a price, are read only when a person has confirmed it; `pause`: not today
 * @throws QuotaError: on no day
 */
export async function saveProbe(
  db: Database,
  lease: Lease,
  pageCount: number,
  price: IngestPrice,
): Promise<LeaseDecision | 'ask' | 'pause'> {
  return db.transaction().execute(async (tx) => {
    const of = await chargedFor(tx, lease);
    await lockLimited(tx, of, ['pages_per_day_max', 'usd_per_day_max']);
    const { job, decision } = await lockJob(tx, lease);
    if (decision !== 'work' || !job) return decision;
    const [reading, embedding] = [price.readingUsd ?? 0, price.embeddingUsd ?? 0];
    const known = price.readingUsd !== null && price.embeddingUsd !== null;
    const found = {
      pages_total: pageCount,
      price_usd: known ? reading + embedding : null,
      embedding_usd: embedding,
      embedding_usd_left: embedding,
    };
    // What was found before takes nothing twice. Nor is a person asked twice: a worker may die after it asked, and the
    // person answer before the next probe.
    const isNew = job.pages_total !== pageCount || isDearer(price, job.price_usd);
    const adds = pageCount - (job.pages_total ?? job.pages_done);
    const usd = (reading * (pageCount - job.pages_done)) / pageCount + embedding - usdHeldBy(job);
    if (isNew)
      try {
        await takeQuotas(tx, of, [
          ...(adds > 0 ? [{ quota: 'pages_per_day_max', adds } as const] : []),
          ...(usd > 0 ? [{ quota: 'usd_per_day_max', adds: usd } as const] : []),
        ]);
      } catch (error) {
        if (!(error instanceof QuotaError) || error.resetsAt === null) throw error;
        await pause(tx, job.id, error);
        return 'pause';
      }
    await tx.updateTable('documents').set({ pages_total: pageCount }).where('id', '=', job.document_id).execute();
    const asks = isNew && (await isAsked(tx, job.tenant_id, found));
    if (asks)
      await changeStatus(tx, 'ask', 'awaiting_confirmation', (jobs) => jobs.where('id', '=', job.id), {
        ...found,
        stage: null,
        // Its time begins when it is read.
        started_at: null,
      }).execute();
    else await recordProgress(tx, job.id, { stage: 'parsing', ...found });
    await recordChange(tx, job);
    return asks ? 'ask' : decision;
  });
}

/** A price that nobody knows may be any: it is asked for wherever there is a limit. */
async function isAsked(
  tx: Transaction<Tables>,
  tenantId: string,
  { pages_total, price_usd }: { readonly pages_total: number; readonly price_usd: number | null },
): Promise<boolean> {
  const { confirm_pages_above, confirm_usd_above } = await tx
    .selectFrom('tenants')
    .select(['confirm_pages_above', 'confirm_usd_above'])
    .where('id', '=', tenantId)
    .executeTakeFirstOrThrow();
  return (
    (confirm_pages_above !== null && pages_total > confirm_pages_above) ||
    (confirm_usd_above !== null && (price_usd === null || price_usd > confirm_usd_above))
  );
}
