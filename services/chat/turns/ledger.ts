/** What an answer cost, written once: the ledger's keys are unique, so a second writer changes nothing. */
import type { Transaction } from 'kysely';
import type { Database } from '../../shared/postgres/database.ts';
import type { Tables } from '../../shared/postgres/tables.ts';

export interface UsageRecord {
  /** The turn's id, or one made for a completion. */
  readonly id: string;
  readonly tenantId: string;
  readonly brainId: string;
  readonly turnId: string | null;
}

/** Tokens of one answer. Estimated until the provider reports its count; providers that report none stay estimated. */
export interface TokenUsage {
  tokensIn: number;
  tokensOut: number;
  embeddingTokens: number;
  passages: number;
}

export const newTokenUsage = (): TokenUsage => ({ tokensIn: 0, tokensOut: 0, embeddingTokens: 0, passages: 0 });

/** Of a kind of entry: questions, tokens. */
export type Amounts = Readonly<Record<string, number>>;

/** A question that fails was asked all the same: it is counted before the work. */
export const recordQuestion = (db: Database | Transaction<Tables>, usageRecord: UsageRecord) =>
  enter(db, usageRecord, { question: 1 });

export const recordTokens = (db: Database, usageRecord: UsageRecord, tokenUsage: TokenUsage) =>
  enter(db, usageRecord, tokensOf(tokenUsage));

export const tokensOf = ({ tokensIn, tokensOut, embeddingTokens }: TokenUsage): Amounts => ({
  model_tokens_in: tokensIn,
  model_tokens_out: tokensOut,
  embedding_tokens: embeddingTokens,
});

/** `id`: the turn's, or the completion's. */
export const entriesOf = (id: string, amounts: Amounts) =>
  Object.entries(amounts)
    .filter(([, amount]) => amount > 0)
    .map(([kind, amount]) => ({ key: `answer:${id}:${kind}`, kind, amount }));

async function enter(db: Database | Transaction<Tables>, usageRecord: UsageRecord, amounts: Amounts): Promise<void> {
  const { id, tenantId, brainId, turnId } = usageRecord;
  const entries = entriesOf(id, amounts);
  if (entries.length === 0) return;
  await db
    .insertInto('ledger')
    .values(entries.map((entry) => ({ ...entry, tenant_id: tenantId, brain_id: brainId, turn_id: turnId })))
    .onConflict((conflict) => conflict.column('key').doNothing())
    .execute();
}
