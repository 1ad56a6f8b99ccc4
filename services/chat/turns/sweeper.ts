/** Any replica ends the turns of replicas that are gone. */

import type { Logger } from '../../shared/log.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { PricedModel } from './token-usage.ts';
import { sweepExpired } from './turn-store.ts';

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
    } catch (error) {
      log.warn({ err: error }, 'expired turns not swept');
    }
  };
  const timer = setInterval(() => void sweep(), everyMs);
  return { sweep, close: () => clearInterval(timer) };
}
