/** The provider's parser of the environment, from its settings. */
import type { Redis } from 'ioredis';
import type { SettingsOf } from '../../shared/env.ts';
import { statedPriceUsd } from '../../shared/ledger/known-prices.ts';
import { type RemoteParserName, remoteParserOf } from '../../shared/parsers.ts';
import { type MeteredAccount, reportThrottled } from '../../shared/scheduler/meters.ts';
import { schedulePrefix } from '../../shared/scheduler/parser-schedules.ts';
import { RedisScheduler } from '../../shared/scheduler/redis-scheduler.ts';
import type { ParserBackend } from './read-pages.ts';
import { type RemoteBackendOptions, remoteBackend } from './remote-backend.ts';

export interface Remote {
  readonly name: RemoteParserName;
  readonly schedule: RedisScheduler;
  /** US dollars; null: unknown. */
  readonly usdPerPage: number | null;
  backend(parts: Pick<RemoteBackendOptions, 'db' | 'pool' | 'metrics' | 'log'>): ParserBackend;
}

/** Null: the environment has none. @throws Error for impossible settings */
export function openRemote(settings: SettingsOf<'document-worker'>, redis: Redis): Remote | null {
  const name = remoteParserOf(settings);
  if (!name) return null;
  const { PARSER_URL: url, PARSER_API_KEY: apiKey, PARSER_TIMEOUT_MS: timeoutMs } = settings;
  if (!URL.canParse(url))
    throw new Error(`PARSER_BACKEND is '${name}', so PARSER_URL must be its base URL; it is '${url}'.`);
  for (const setting of ['PARSER_PAGES_PER_REQUEST', 'PARSER_REQUESTS_MAX', 'PARSER_TIMEOUT_MS'] as const)
    if (settings[setting] < 1) throw new Error(`${setting} is ${settings[setting]}, allowed is a number from 1.`);
  const pagesPerRequest = settings.PARSER_PAGES_PER_REQUEST;
  const price = statedPriceUsd('PARSER_USD_PER_THOUSAND_PAGES', settings.PARSER_USD_PER_THOUSAND_PAGES, '1.25');
  const usdPerPage = price === null ? null : price / 1000;
  const prefix = schedulePrefix(name);
  const account: MeteredAccount = {
    name,
    requestsPerMinute: settings.PARSER_REQUESTS_PER_MINUTE,
    pagesPerMinute: settings.PARSER_PAGES_PER_MINUTE,
  };
  return {
    name,
    usdPerPage,
    schedule: new RedisScheduler(redis, { prefix, pagesPerGrant: pagesPerRequest, account }),
    backend: (parts) =>
      remoteBackend({
        ...parts,
        name,
        usdPerPage,
        url,
        apiKey,
        timeoutMs,
        pagesPerRequest,
        requestBytesMax: settings.PARSER_REQUEST_BYTES_MAX,
        answerBytesMax: settings.PARSER_ANSWER_BYTES_MAX,
        throttled: (retryAfterMs) => reportThrottled(redis, account, retryAfterMs, { prefix }),
      }),
  };
}
