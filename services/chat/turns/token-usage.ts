/** What an answer used, and its entries in the ledger (shared/ledger/ledger.ts). */
import type { Transaction } from 'kysely';
import { type Entry, type EntryKind, entryOf, recordEntries } from '../../shared/ledger/ledger.ts';
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
export type Amounts = Readonly<Partial<Record<EntryKind, number>>>;

/** A question that fails was asked all the same: it is counted before the work. */
export const recordQuestion = (db: Database | Transaction<Tables>, usageRecord: UsageRecord) =>
  recordEntries(db, usageRecord, entriesOf(usageRecord.id, { question: 1 }));

export const recordTokens = (db: Database, usageRecord: UsageRecord, tokenUsage: TokenUsage) =>
  recordEntries(db, usageRecord, entriesOf(usageRecord.id, tokensOf(tokenUsage)));

export const tokensOf = ({ tokensIn, tokensOut, embeddingTokens }: TokenUsage): Amounts => ({
  model_tokens_in: tokensIn,
  model_tokens_out: tokensOut,
  embedding_tokens: embeddingTokens,
});

/** `id`: the turn's, or the completion's. */
export const entriesOf = (id: string, amounts: Amounts): Entry[] =>
  Object.entries(amounts).map(([kind, amount]) => entryOf('answer', id, [], kind as EntryKind, amount));
