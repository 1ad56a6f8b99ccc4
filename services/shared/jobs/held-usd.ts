/** Dollars of a day that a job holds for the vectors of its document, from its probe until they are made. */
import { sql, type Transaction } from 'kysely';
import type { Tables } from '../postgres/tables.ts';

/** What is still held. */
export async function heldUsd(tx: Transaction<Tables>, documentId: string): Promise<number> {
  const { left } = await tx
    .selectFrom('jobs')
    .select(({ fn }) => fn.coalesce(fn.sum<number>('embedding_usd_left'), sql<number>`0`).as('left'))
    .where('document_id', '=', documentId)
    .where('embedding_usd_left', '>', 0)
    .executeTakeFirstOrThrow();
  return left;
}

/** What stands in the ledger is held no more. */
export async function drawHeldUsd(tx: Transaction<Tables>, documentId: string, usd: number): Promise<void> {
  if (usd > 0)
    await holding(tx, documentId)
      .set({ embedding_usd_left: sql<number>`greatest(0, embedding_usd_left - ${usd}::numeric)` })
      .execute();
}

/** All vectors are there: the estimate was higher. */
export async function dropHeldUsd(tx: Transaction<Tables>, documentId: string): Promise<void> {
  await holding(tx, documentId).set({ embedding_usd_left: 0 }).execute();
}

const holding = (tx: Transaction<Tables>, documentId: string) =>
  tx.updateTable('jobs').where('document_id', '=', documentId).where('embedding_usd_left', '>', 0);
