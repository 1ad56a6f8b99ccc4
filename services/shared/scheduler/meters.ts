/**
 * Meters of provider accounts: requests, pages and tokens per minute, shared by all workers and replicas. The state and
 * the time are Redis's (lua/meters.lua); grants of pages take from the same meters in the same script.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { MeterAmounts, MeteredAccount } from './policy-meter.ts';
import { runScript, type ScriptPlace } from './script.ts';

export type { MeterAmounts, MeteredAccount };

/** `waitMs` 0: taken. Otherwise nothing was taken: ask again after that time. */
export async function takeFromMeter(
  redis: Redis,
  account: MeteredAccount,
  amounts: MeterAmounts,
  place: ScriptPlace = {},
): Promise<{ readonly waitMs: number }> {
  const { taken, waitMs } = await ask(redis, account, amounts, 0, place);
  return { waitMs: taken ? 0 : Math.max(1, waitMs) };
}

export interface WaitOptions {
  readonly waitMsMax: number;
  readonly signal?: AbortSignal | undefined;
  /** People come at once: not paced, only the last minute counts. @default false */
  readonly bursts?: boolean;
}

/**
 * Takes a place in the line of callers and waits for it: who comes later does not overtake. The abort of `signal` gives
 * the place up, not back.
 *
 * @throws MeterError at once when the place would come later than `waitMsMax`
 */
export async function waitForMeter(
  redis: Redis,
  account: MeteredAccount,
  amounts: MeterAmounts,
  { waitMsMax, signal, bursts = false, ...place }: WaitOptions & ScriptPlace,
): Promise<void> {
  const { taken, waitMs } = await ask(redis, account, amounts, waitMsMax, place, bursts);
  if (!taken) throw new MeterError(account.name, waitMs);
  if (waitMs > 0) await sleep(waitMs, undefined, { signal });
}

/** The provider answered 429: halves the account's rate for all callers, and holds it until the provider may be asked again. */
export async function reportThrottled(
  redis: Redis,
  { name }: Pick<MeteredAccount, 'name'>,
  retryAfterMs: number,
  place: ScriptPlace = {},
): Promise<void> {
  await runScript(redis, place, 'meterThrottled', name, Math.max(0, retryAfterMs));
}

/** What a call used beyond what was taken for it; negative: less. */
export async function settleMeter(
  redis: Redis,
  account: MeteredAccount,
  amounts: MeterAmounts,
  place: ScriptPlace = {},
): Promise<void> {
  await runScript(redis, place, 'meterSettle', account.name, limitsOf(account), amountsOf(amounts));
}

export interface MeterState {
  /** The share of the limit that is used now: 1, and less after a 429. */
  readonly factor: number;
  /** Since the meter began. */
  readonly taken: Required<MeterAmounts>;
}

export const meterState = async (redis: Redis, name: string, place: ScriptPlace = {}): Promise<MeterState> =>
  JSON.parse(String(await runScript(redis, place, 'meterState', name)));

/** What an account with a limit may still take in this minute. */
export interface MeterReading {
  readonly account: string;
  readonly unit: 'requests' | 'pages' | 'tokens';
  /** Per minute. */
  readonly limit: number;
  readonly left: number;
  /** As of {@link MeterState}. */
  readonly factor: number;
}

/** Of every account that was used within the last day. */
export async function readMeters(redis: Redis, place: ScriptPlace = {}): Promise<readonly MeterReading[]> {
  const { meters = [] } = JSON.parse(String(await runScript(redis, place, 'meters'))) as { meters?: MeterReading[] };
  return meters;
}

export class MeterError extends Error {
  readonly waitMs: number;

  constructor(account: string, waitMs: number) {
    super(`The account '${account}' has used its limit per minute; it is free again in ${Math.ceil(waitMs / 1000)} s.`);
    this.name = 'MeterError';
    this.waitMs = waitMs;
  }
}

/** As the script reads them. */
export const limitsOf = ({ requestsPerMinute = 0, pagesPerMinute = 0, tokensPerMinute = 0 }: MeteredAccount): string =>
  [requestsPerMinute, pagesPerMinute, tokensPerMinute].join(',');
const amountsOf = ({ requests = 0, pages = 0, tokens = 0 }: MeterAmounts): string =>
  [requests, pages, tokens].join(',');

async function ask(
  redis: Redis,
  account: MeteredAccount,
  amounts: MeterAmounts,
  waitMsMax: number,
  place: ScriptPlace,
  bursts = false,
): Promise<{ readonly taken: boolean; readonly waitMs: number }> {
  const parameters = [account.name, limitsOf(account), amountsOf(amounts), waitMsMax, bursts ? 'bursts' : ''];
  const [taken, waitMs] = (await runScript(redis, place, 'meterTake', ...parameters)) as [number, number];
  return { taken: taken === 1, waitMs };
}
