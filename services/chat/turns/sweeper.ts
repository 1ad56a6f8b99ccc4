/** Any replica ends the turns of replicas that are gone. */

import { sql } from 'kysely';
import { notedOf, settleLost } from '../../shared/ledger/reservations.ts';
import type { Logger } from '../../shared/log.ts';
import { estimateTokens } from '../../shared/models/tokens.ts';
import type { Database } from '../../shared/postgres/database.ts';
import { newTokenUsage, type PricedModel, tokenEntries, turnUsageOf } from './token-usage.ts';
import { arrivedOf, endTurn, toTurn } from './turn-store.ts';

/** A lease lasts 30 s: a lost turn is told within 35 s. */
const sweepEveryMs = 5000;

export function createSweeper(
  db: Database,
  priced: (name: string) => PricedModel,
  log: Logger,
  everyMs = sweepEveryMs,
): { sweep(): Promise<void>; close(): void } {
  const sweep = async () => {
    try {
      const count = await sweepExpired(db, priced);
      if (count > 0) log.warn({ turns: count }, 'turns of a lost replica ended as interrupted');
      const settled = await settleLost(db);
      if (settled > 0) log.warn({ answers: settled }, 'what a lost replica used of models is in the ledger');
    } catch (error) {
      log.warn({ err: error }, 'expired turns not swept');
    }
  };
  const timer = setInterval(() => void sweep(), everyMs);
  return { sweep, close: () => clearInterval(timer) };
}

/** As many at a time: a replica that died held at most its slots. */
const sweepMax = 100;

/**
 * Ends turns whose replica is gone as `interrupted`, with what arrived. The model is not called again: whether the
 * question is worth paying for twice is for the person to decide.
 *
 * @param priced a model, by its name
 * @returns how many
 */
export async function sweepExpired(db: Database, priced: (name: string) => PricedModel): Promise<number> {
  const expired = await db
    .selectFrom('turns')
    .selectAll()
    .where('finished_at', 'is', null)
    .where('lease_until', '<', sql<Date>`now()`)
    .orderBy('lease_until')
    .limit(sweepMax)
    .execute();
  if (expired.length === 0) return 0;
  const ids = expired.map(({ id }) => id);
  const arrived = await arrivedOf(db, ids);
  const sequences = await lastPlaces(db, ids);
  const noted = await notedOf(db, ids);
  let count = 0;
  for (const row of expired) {
    const { answer = '', citations = [] } = arrived.get(row.id) ?? {};
    const turn = toTurn(row);
    const isModel = turn.answerer.kind === 'model';
    const tokenUsage = turn.usage && {
      ...newTokenUsage(),
      tokensIn: turn.usage.tokens_in,
      tokensOut: isModel ? estimateTokens(answer) : 0,
      passages: turn.usage.passages,
      model: isModel ? priced(turn.answerer.name) : null,
    };
    // Another sweeper, or the replica itself, back again, may have ended it meanwhile: one of them writes the last event.
    const ended = await endTurn(db, {
      turn,
      answer,
      citations,
      usage: tokenUsage && turnUsageOf(tokenUsage),
      expired: true,
      status: 'interrupted',
      finishReason: null,
      answered: null,
      error: null,
      sequence: (sequences.get(row.id) ?? 0) + 1,
      // What providers bill for the search, and what the model read and wrote.
      entries: [...(noted.get(turn.id) ?? []), ...(tokenUsage ? tokenEntries(turn.id, tokenUsage) : [])],
    });
    if (ended) count += 1;
  }
  return count;
}

async function lastPlaces(db: Database, turnIds: readonly string[]): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom('turn_events')
    .select(({ fn }) => ['turn_id', fn.max('place').as('place')])
    .where('turn_id', 'in', turnIds)
    .groupBy('turn_id')
    .execute();
  return new Map(rows.map(({ turn_id, place }) => [turn_id, place]));
}
