/** The meters of the accounts that chat calls. */
import type { Redis } from 'ioredis';
import type { Logger } from '../shared/log.ts';
import { type ConfiguredModel, configuredModels, type ModelSettings } from '../shared/models/configured-models.ts';
import { type EmbeddingSettings, embeddingAccount } from '../shared/models/embedding.ts';
import { type CallMeter, createCallMeter } from '../shared/scheduler/call-meter.ts';
import type { MeteredAccount } from '../shared/scheduler/meters.ts';

export interface MeterSettings extends ModelSettings, EmbeddingSettings {
  /** 0: none. */
  readonly RERANK_REQUESTS_PER_MINUTE: number;
}

/** A reader waits: what comes later is another model's, or no answer. */
const modelWaitMs = 2000;
/** Without its vector a question is answered by words. */
const embeddingWaitMs = 500;
/** Of the second that an order anew may take. */
const rerankWaitMs = 200;

const modelAccount = ({ name, requestsPerMinute, tokensPerMinute }: ConfiguredModel): MeteredAccount => ({
  name: `model/${name}`,
  requestsPerMinute,
  tokensPerMinute,
});
const rerankAccount = ({ RERANK_REQUESTS_PER_MINUTE }: Pick<MeterSettings, 'RERANK_REQUESTS_PER_MINUTE'>) => ({
  name: 'rerank',
  requestsPerMinute: RERANK_REQUESTS_PER_MINUTE,
});

/** Whether any account has a limit: otherwise chat needs no Redis. */
export const hasMeters = (settings: MeterSettings): boolean =>
  [embeddingAccount(settings), rerankAccount(settings), ...configuredModels(settings).map(modelAccount)].some(
    (account: MeteredAccount) => account.requestsPerMinute || account.tokensPerMinute,
  );

/** Without Redis questions are still asked: the provider keeps its own limit. */
export function chatMeters(redis: Redis | null, settings: MeterSettings, log: Logger) {
  const meter = (account: MeteredAccount, waitMsMax: number): CallMeter =>
    createCallMeter(redis, account, { waitMsMax, bursts: true, withoutRedis: 'send', log });
  return {
    model: (model: ConfiguredModel) => meter(modelAccount(model), modelWaitMs),
    embedding: meter(embeddingAccount(settings), embeddingWaitMs),
    rerank: meter(rerankAccount(settings), rerankWaitMs),
  };
}
