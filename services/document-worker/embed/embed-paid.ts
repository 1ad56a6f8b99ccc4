/** A paid call of the embedding: held of the day's limits before, in the ledger after, also when it fails or its worker dies. */
import type { Transaction } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { drawHeldUsd, heldUsd } from '../../shared/jobs/held-usd.ts';
import { type Entry, entryOf, recordEntries } from '../../shared/ledger/ledger.ts';
import { enterLost, release, reserve } from '../../shared/ledger/reservations.ts';
import type { Logger } from '../../shared/log.ts';
import type { Embedder } from '../../shared/models/embedding.ts';
import { estimateMargin, estimateTokens } from '../../shared/models/tokens.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { Tables } from '../../shared/postgres/tables.ts';
import type { DocumentTarget, ReadChunk } from '../index/vectors.ts';
import { type ChunkVectors, embedWhatIsTaken } from './embed-chunks.ts';

export interface PayContext {
  readonly db: Database;
  readonly embedder: Embedder;
  readonly log: Logger;
}

export interface PaidFor {
  readonly target: DocumentTarget;
  readonly jobId: string | null;
  readonly keyId: string | null;
  /** The call before, when nobody stored what came of it; null: it was stored. */
  readonly before: { readonly id: string; readonly chunk: string } | null;
}

/** A heading and some eight sentences. */
export const textsPerChunk = 9;
/** Marks that an endpoint puts around each text of a chunk. */
const chunkTokens = 4 * textsPerChunk;
/** Requests of a batch with their retries; whoever holds a reservation by then is gone. */
const callMsMax = 15 * 60_000;

/**
 * Embeds a batch and enters it in the ledger, also when it fails half-way. Before the call the document says that it is
 * under way; whoever finds that again begins the same batch anew, and enters both: what the first call used, had its worker
 * died before it could say so, and that the second only repeats it.
 */
export async function embedPaid(
  { db, embedder, log }: PayContext,
  { target: { tenantId, brainId, documentId }, jobId, keyId, before }: PaidFor,
  batch: readonly ReadChunk[],
  signal: AbortSignal,
): Promise<{ readonly made: readonly ChunkVectors[]; readonly callId: string; readonly tokens: number }> {
  const chunk = batch[0]?.id ?? '';
  const callId = uuidv7();
  const again = before?.chunk === chunk ? before.id : null;
  const known = again === null ? null : await tokensOf(db, documentId, again);
  const texts = batch.map(({ text, heading }) => estimateTokens(text) + estimateTokens(heading ?? '') + chunkTokens);
  const { tokens: mayUse, usd } = mayCost(
    embedder,
    texts.reduce((sum, count) => sum + count, 0),
  );
  const reserved = await db.transaction().execute(async (trx) => {
    // What is held for the document since its probe is there for its calls.
    const beyondUsd = Math.max(0, usd - (await heldUsd(trx, documentId)));
    const held = { id: callId, tokens: mayUse, usd: beyondUsd, lastsMs: callMsMax };
    const isHeld = await reserve(trx, { tenantId, keyId }, held);
    await setCall(trx, documentId, callId, chunk);
    return isHeld;
  });
  const entry = (id: string, part: readonly (string | number)[], amount: number, repeated = false): Entry => ({
    ...entryOf('vectors', documentId, [id, ...part], 'embedding_tokens', amount, embedder.costUsd(amount)),
    model: embedder.model,
    repeated,
  });
  const charged = { tenantId, brainId, jobId, keyId };
  let [tokens, lost] = [0, 0];
  const used = async (more: number, wasLost: boolean) => {
    if (!wasLost) {
      tokens += more;
      return;
    }
    lost += 1;
    // Before it is sent again, since it is billed, whatever becomes of this worker; what is held is for the next try.
    await enterLost(db, charged, entry(callId, ['lost', lost], more, true));
  };
  try {
    const embedded = await embedWhatIsTaken(embedder, batch, { as: 'passage', tenantId, brainId, signal, used });
    if (embedded.refused > 0)
      log.warn({ documentId, chunks: embedded.refused }, 'refused by the embedding: found by their words alone');
    return { made: embedded.vectors, callId, tokens };
  } finally {
    const repeats = again === null ? 0 : Math.min(tokens, known ?? tokens);
    const entries = [
      ...(again !== null && known === null ? [entry(again, [], tokens)] : []),
      entry(callId, [], tokens - repeats),
      entry(callId, ['repeated'], repeats, true),
    ];
    await db.transaction().execute(async (trx) => {
      await recordEntries(trx, charged, entries);
      await drawHeldUsd(trx, documentId, embedder.costUsd(tokens) ?? 0);
      if (reserved) await release(trx, callId);
      // What its dead worker held stands in the ledger now.
      if (again !== null && tokens > 0) await release(trx, again);
    });
    // Nothing was used: there is nothing to repeat.
    if (tokens === 0) await setCall(db, documentId, again, chunk);
  }
}

/** As the endpoint counts at most: an estimate may be a third short. */
function mayCost(embedder: Embedder, estimated: number) {
  const tokens = Math.ceil(estimated * estimateMargin);
  return { tokens, usd: embedder.costUsd(tokens) ?? 0 };
}

const setCall = (db: Database | Transaction<Tables>, documentId: string, call: string | null, chunk: string) =>
  db
    .updateTable('documents')
    .set({ vectors_call: call, vectors_call_chunk: call && chunk })
    .where('id', '=', documentId)
    .execute();

/** What the ledger knows of an earlier call; null: its worker died before it could say. */
async function tokensOf(db: Database, documentId: string, callId: string): Promise<number | null> {
  const keys = [[], ['repeated']].map(
    (part) => entryOf('vectors', documentId, [callId, ...part], 'embedding_tokens', 0).key,
  );
  const { amount } = await db
    .selectFrom('ledger')
    .select(({ fn }) => fn.sum<number | null>('amount').as('amount'))
    .where('key', 'in', keys)
    .executeTakeFirstOrThrow();
  return amount;
}
