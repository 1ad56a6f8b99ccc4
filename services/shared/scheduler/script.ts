/** The one script of grants and meters, whose parts lie in lua/. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { bandPagesMax, lanePagesMax } from '../contract/job.ts';
import { usedShare } from './policy-meter.ts';

export interface ScriptPlace {
  /** All keys stand under it; the braces keep them in one slot of a cluster. @default '{bulkhead:schedule}' */
  readonly prefix?: string;
  /** Milliseconds since 1970, for a bench that plays a day in a minute. @default Redis's own time */
  readonly clock?: () => number;
}

export function runScript(
  redis: Redis,
  { prefix = '{bulkhead:schedule}', clock }: ScriptPlace,
  operation: string,
  ...parameters: (string | number)[]
): Promise<unknown> {
  if (!('bulkheadSchedule' in redis)) redis.defineCommand('bulkheadSchedule', { numberOfKeys: 1, lua: script });
  return (redis as ScriptedRedis).bulkheadSchedule(prefix, clock?.() ?? '', operation, ...parameters);
}

type ScriptedRedis = Redis & { bulkheadSchedule(...parameters: (string | number)[]): Promise<unknown> };

/** What the script must know of the contract and of the policy. */
const limits = `local LIMITS = { ${bandPagesMax.join(', ')} } -- most pages left in bands 1 to 3; band 4 takes the rest
local LIGHT = ${bandPagesMax.indexOf(lanePagesMax.light) + 1} -- bands up to it are the light lane
local USED = ${usedShare} -- of an account's limit`;
/** Redis takes one script: the parts in the order in which they use each other. */
const script = [
  limits,
  ...['state', 'pages', 'suspects', 'meters', 'observed', 'queues', 'leases', 'picking', 'operations'].map((part) =>
    readFileSync(join(import.meta.dirname, 'lua', `${part}.lua`), 'utf8'),
  ),
].join('\n');
