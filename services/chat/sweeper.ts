/** Any replica ends the turns of replicas that are gone. */
import type { Database } from '../shared/database.ts';
import type { Logger } from '../shared/log.ts';
import { billTokens } from './ledger.ts';
import { sweepExpired } from './turn-store.ts';

/** A lease lasts 30 s: a lost turn is told within 35 s. */
const sweepEveryMs = 5000;

export function createSweeper(
  db: Database,
  log: Logger,
  everyMs = sweepEveryMs,
): { sweep(): Promise<void>; close(): void } {
  const sweep = async () => {
    try {
      const count = await sweepExpired(db, async (trx, turn) => {
        const { brain_id, tenant_id } = await trx
          .selectFrom('conversations')
          .select(['brain_id', 'tenant_id'])
          .where('id', '=', turn.conversation_id)
          .executeTakeFirstOrThrow();
        const meter = {
          tokensIn: turn.usage?.tokens_in ?? 0,
          tokensOut: turn.usage?.tokens_out ?? 0,
          embeddingTokens: 0,
        };
        await billTokens(trx, { id: turn.id, turnId: turn.id, tenantId: tenant_id, brainId: brain_id }, meter);
      });
      if (count > 0) log.warn({ turns: count }, 'turns of a lost replica ended as interrupted');
    } catch (error) {
      log.warn({ err: error }, 'expired turns not swept');
    }
  };
  const timer = setInterval(() => void sweep(), everyMs);
  return { sweep, close: () => clearInterval(timer) };
}
