/** What an answer used, and its entries in the ledger (shared/ledger/ledger.ts). */
import type { Transaction } from 'kysely';
import type { Turn } from '../../shared/contract/chat.ts';
import { type Entry, entryOf, recordEntries } from '../../shared/ledger/ledger.ts';
import { release } from '../../shared/ledger/reservations.ts';
import { costUsd, type ModelPrice } from '../../shared/models/configured-models.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { Tables } from '../../shared/postgres/tables.ts';

export interface UsageRecord {
  /** The turn's id, or one made for a completion. */
  readonly id: string;
  readonly tenantId: string;
  readonly brainId: string;
  readonly turnId: string | null;
  readonly keyId: string | null;
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
  /** Of models that were asked before it, failed, and bill what they read and wrote all the same. */
  readonly replaced: ModelUse[];
  rerankCalls: number;
  /** Of these; null: unknown. */
  rerankCostUsd: number | null;
  rerankModel: string | null;
}

export interface ModelUse {
  readonly model: PricedModel;
  readonly tokensIn: number;
  readonly tokensOut: number;
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
  replaced: [],
  rerankCalls: 0,
  rerankCostUsd: 0,
  rerankModel: null,
});

/** Longer than an answer and its last words to the ledger take: who holds one by then is gone. */
export const reservationMs = ({ turnTimeoutMs }: { readonly turnTimeoutMs: number }): number => turnTimeoutMs + 60_000;

/** A question that fails was asked all the same: it is counted before the work. */
export const recordQuestion = (db: Database | Transaction<Tables>, usageRecord: UsageRecord) =>
  recordEntries(db, usageRecord, [questionEntry(usageRecord.id)]);

/** Of an answer that nobody got: its reader, or its conversation, was gone. */
export const wasteEntry = (id: string, { tokensIn, tokensOut, replaced, model }: TokenUsage): Entry => ({
  ...entryOf(
    'answer',
    id,
    [],
    'wasted_tokens',
    [...replaced, { tokensIn, tokensOut }].reduce((sum, use) => sum + use.tokensIn + use.tokensOut, 0),
  ),
  model: model?.name ?? null,
});

/** Since the start, for metrics. */
export interface WasteCounts {
  wastedTokens: number;
}

/** What an answer used. @param wasted nobody got it: an entry more, and counted there */
export function endEntries(id: string, usage: TokenUsage, wasted: WasteCounts | null): Entry[] {
  const used = tokenEntries(id, usage);
  if (!wasted) return used;
  const waste = wasteEntry(id, usage);
  wasted.wastedTokens += waste.amount;
  return [...used, waste];
}

/**
 * @param how `reserved`: what it might use is held under the same id, and given back with what it did use. `wasted`: nobody
 *   got the answer, and where that is counted.
 */
export async function recordTokens(
  db: Database,
  usageRecord: UsageRecord,
  tokenUsage: TokenUsage,
  { reserved, wasted = null }: { readonly reserved: boolean; readonly wasted?: WasteCounts | null },
): Promise<void> {
  const { id } = usageRecord;
  const entries = endEntries(id, tokenUsage, wasted);
  if (!reserved) return recordEntries(db, usageRecord, entries);
  await db.transaction().execute(async (trx) => {
    await recordEntries(trx, usageRecord, entries);
    await release(trx, id);
  });
}

/** `id`: the turn's, or the completion's. */
export const questionEntry = (id: string): Entry => entryOf('answer', id, [], 'question', 1);

/** `id`: the turn's, or the completion's. */
export function tokenEntries(id: string, usage: TokenUsage): Entry[] {
  const { tokensIn, tokensOut, model, replaced } = usage;
  return [
    ...modelEntries(id, [], { model, tokensIn, tokensOut }),
    ...replaced.flatMap((use, index) => modelEntries(id, ['replaced', index + 1], use)),
    ...searchEntries(id, usage),
  ];
}

/** Those of {@link tokenEntries} that are known before a model is asked. */
export function searchEntries(id: string, usage: TokenUsage): Entry[] {
  const { embeddingTokens, embeddingCostUsd, embeddingModel, rerankCalls, rerankCostUsd, rerankModel } = usage;
  return [
    {
      ...entryOf('answer', id, [], 'embedding_tokens', embeddingTokens, embeddingCostUsd),
      model: embeddingModel,
    },
    { ...entryOf('answer', id, [], 'rerank_calls', rerankCalls, rerankCostUsd), model: rerankModel },
  ];
}

type Used = Omit<ModelUse, 'model'> & { readonly model: PricedModel | null };

function modelEntries(id: string, part: readonly (string | number)[], { model, tokensIn, tokensOut }: Used): Entry[] {
  const price = model?.price ?? null;
  const name = model?.name ?? null;
  return [
    { ...entryOf('answer', id, part, 'model_tokens_in', tokensIn, costUsd(price, tokensIn, 0)), model: name },
    { ...entryOf('answer', id, part, 'model_tokens_out', tokensOut, costUsd(price, 0, tokensOut)), model: name },
  ];
}

/** As the turn shows it, with what models cost that failed before the one that answered. */
export function turnUsageOf({
  tokensIn,
  tokensOut,
  passages,
  model,
  replaced,
}: TokenUsage): NonNullable<Turn['usage']> {
  const all: Used[] = [...replaced, { model, tokensIn, tokensOut }];
  const costs = all.map((use) => (use.model ? costUsd(use.model.price, use.tokensIn, use.tokensOut) : 0));
  return {
    tokens_in: all.reduce((sum, use) => sum + use.tokensIn, 0),
    tokens_out: all.reduce((sum, use) => sum + use.tokensOut, 0),
    cost_usd: costs.some((cost) => cost === null) ? null : costs.reduce<number>((sum, cost) => sum + (cost ?? 0), 0),
    passages,
  };
}
