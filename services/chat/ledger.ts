/** What an answer cost, written once: the ledger's keys are unique, so a second writer changes nothing. */
import type { Transaction } from 'kysely';
import type { Database } from '../shared/database.ts';
import type { Tables } from '../shared/tables.ts';

export interface Bill {
  /** The turn's id, or one made for a completion. */
  readonly id: string;
  readonly tenantId: string;
  readonly brainId: string;
  readonly turnId: string | null;
}

/** Tokens of one answer. Estimated until the provider reports its count; providers that report none stay estimated. */
export interface Meter {
  tokensIn: number;
  tokensOut: number;
  embeddingTokens: number;
  passages: number;
}

export const newMeter = (): Meter => ({ tokensIn: 0, tokensOut: 0, embeddingTokens: 0, passages: 0 });

/** Counted before the work: a question that fails was asked all the same. */
export const billQuestion = (db: Database | Transaction<Tables>, bill: Bill) => enter(db, bill, { question: 1 });

export const billTokens = (db: Database | Transaction<Tables>, bill: Bill, meter: Omit<Meter, 'passages'>) =>
  enter(db, bill, {
    model_tokens_in: meter.tokensIn,
    model_tokens_out: meter.tokensOut,
    embedding_tokens: meter.embeddingTokens,
  });

async function enter(
  db: Database | Transaction<Tables>,
  bill: Bill,
  amounts: Readonly<Record<string, number>>,
): Promise<void> {
  const rows = Object.entries(amounts)
    .filter(([, amount]) => amount > 0)
    .map(([kind, amount]) => ({
      key: `answer:${bill.id}:${kind}`,
      tenant_id: bill.tenantId,
      brain_id: bill.brainId,
      turn_id: bill.turnId,
      kind,
      amount,
    }));
  if (rows.length === 0) return;
  await db
    .insertInto('ledger')
    .values(rows)
    .onConflict((conflict) => conflict.column('key').doNothing())
    .execute();
}
