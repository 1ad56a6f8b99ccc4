/** What an answer used, and its entries in the ledger (shared/ledger/ledger.ts). */
import type { Transaction } from 'kysely';
import type { Turn } from '../../shared/contract/chat.ts';
import { type Entry, type EntryKind, entryOf, recordEntries } from '../../shared/ledger/ledger.ts';
import { costUsd, type ModelPrice } from '../../shared/models/configured-models.ts';
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
  /** Of these; null: unknown. */
  embeddingCostUsd: number | null;
  /** That embedded the question; null: none did. */
  embeddingModel: string | null;
  passages: number;
  /** The model that reads and writes them; null: none does. */
  model: PricedModel | null;
}

export interface PricedModel {
  readonly name: string;
  /** Null: unknown. */
  readonly price: ModelPrice | null;
}

export const newTokenUsage = (): TokenUsage => ({
  tokensIn: 0,
  tokensOut: 0,
  embeddingTokens: 0,
  embeddingCostUsd: 0,
  embeddingModel: null,
  passages: 0,
  model: null,
});

/** A question that fails was asked all the same: it is counted before the work. */
export const recordQuestion = (db: Database | Transaction<Tables>, usageRecord: UsageRecord) =>
  recordEntries(db, usageRecord, [questionEntry(usageRecord.id)]);

export const recordTokens = (db: Database, usageRecord: UsageRecord, tokenUsage: TokenUsage) =>
  recordEntries(db, usageRecord, tokenEntries(usageRecord.id, tokenUsage));

/** `id`: the turn's, or the completion's. */
export const questionEntry = (id: string): Entry => entryOf('answer', id, [], 'question', 1);

/** `id`: the turn's, or the completion's. */
export function tokenEntries(id: string, usage: TokenUsage): Entry[] {
  const { tokensIn, tokensOut, embeddingTokens, embeddingCostUsd, embeddingModel, model } = usage;
  const price = model?.price ?? null;
  const ofModel = (kind: EntryKind, amount: number, cost: number | null): Entry => ({
    ...entryOf('answer', id, [], kind, amount, cost),
    model: model?.name ?? null,
  });
  return [
    ofModel('model_tokens_in', tokensIn, costUsd(price, tokensIn, 0)),
    ofModel('model_tokens_out', tokensOut, costUsd(price, 0, tokensOut)),
    {
      ...entryOf('answer', id, [], 'embedding_tokens', embeddingTokens, embeddingCostUsd),
      model: embeddingModel,
    },
  ];
}

/** As the turn shows it. */
export function turnUsageOf({ tokensIn, tokensOut, passages, model }: TokenUsage): NonNullable<Turn['usage']> {
  const cost = model ? costUsd(model.price, tokensIn, tokensOut) : 0;
  return { tokens_in: tokensIn, tokens_out: tokensOut, cost_usd: cost, passages };
}
