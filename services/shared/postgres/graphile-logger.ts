/** graphile-worker's log lines as ours. What it reports of every task is detail here: the tasks log for themselves. */
import { Logger as GraphileLogger } from 'graphile-worker';
import type { Logger } from '../log.ts';

const levels: Readonly<Record<string, 'error' | 'warn'>> = { error: 'error', warning: 'warn' };

export const graphileLogger = (log: Logger): GraphileLogger =>
  new GraphileLogger(() => (level, message, meta) => log[levels[level] ?? 'debug'](meta ?? {}, message));
