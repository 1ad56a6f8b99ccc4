/**
 * The settings of a service that follow from its environment alone. Addresses and secrets are added by whoever starts
 * it: the local run, a task definition, a unit file.
 */

import { definitionOf, type ServiceName, type SettingName } from '../../services/manifest.ts';
import { scratchBytes } from '../budget/scratch.ts';
import { predictedCapacity } from '../capacity/predicted.ts';
import { optionSettings, type Placement } from '../schema/placement.ts';
import type { Environment } from '../schema/schema.ts';
import { idleTimeouts } from './idle-timeouts.ts';

export function serviceSettings(
  environment: Environment,
  name: ServiceName,
  placement: Placement,
): Partial<Record<SettingName, string>> {
  const {
    limits,
    limitsPerDay,
    chatModel,
    models,
    reranker,
    parser,
    embeddingModel,
    previousEmbeddingModel,
    webhooks,
  } = environment;
  const all: Partial<Record<SettingName, string | number | undefined>> = {
    PORT: definitionOf(name).port,
    ENVIRONMENT: environment.name,
    STOP_TIMEOUT_MS: limits.stopTimeoutMs,
    KEEP_ALIVE_TIMEOUT_MS: idleTimeouts(limits.turnTimeoutMs).serverMs,
    UPLOAD_BYTES_MAX: limits.uploadBytesMax,
    PAGES_MAX: limits.pagesMax,
    PAGE_TIMEOUT_MS: limits.pageTimeoutMs,
    TURN_TIMEOUT_MS: limits.turnTimeoutMs,
    SCRATCH_BYTES_MAX: scratchBytes(definitionOf(name), limits.uploadBytesMax),
    TENANT_REQUESTS_PER_SECOND: Math.max(tenantRequestsMin, Math.floor(placement.vcpu * tenantRequestsPerVcpu)),
    ...optionSettings(definitionOf(name), placement),
    PAGES_PER_DAY_MAX: limitsPerDay?.pages,
    QUESTIONS_PER_DAY_MAX: limitsPerDay?.questions,
    TOKENS_PER_DAY_MAX: limitsPerDay?.tokens,
    USD_PER_DAY_MAX: limitsPerDay?.usd,
    MODEL_URL: chatModel?.url,
    MODEL_NAME: chatModel?.model,
    MODELS_ALLOWED: chatModel?.others.length ? chatModel.others.join(',') : undefined,
    MODELS: models && JSON.stringify(models),
    // It protects the model that is asked by default.
    GOVERNOR_BACKEND_URL:
      environment.tiers.governor && `${(chatModel?.url ?? models?.[0]?.url ?? '').replace(/\/$/, '')}/chat/completions`,
    RERANK_URL: reranker?.url,
    RERANK_MODEL: reranker?.model,
    PARSER_BACKEND: parser?.backend,
    PARSER_URL: parser?.url,
    PARSER_PAGES_PER_REQUEST: parser?.pagesPerRequest,
    PARSER_REQUESTS_MAX: parser?.requestsMax,
    PARSER_REQUESTS_PER_MINUTE: parser?.requestsPerMinute,
    PARSER_PAGES_PER_MINUTE: parser?.pagesPerMinute,
    WEBHOOK_PORTS: webhooks?.ports.join(','),
    WEBHOOK_ALLOWED_NETWORKS: webhooks?.allowedNetworks.join(',') || undefined,
    RERANK_REQUESTS_PER_MINUTE: reranker?.requestsPerMinute,
    PARSER_USD_PER_THOUSAND_PAGES: parser?.usdPerThousandPages,
    RERANK_USD_PER_THOUSAND_CALLS: reranker?.usdPerThousandCalls,
    EMBEDDING_URL: embeddingModel?.url,
    EMBEDDING_MODEL: embeddingModel?.model,
    EMBEDDING_DIMENSIONS: embeddingModel?.dimensions,
    EMBEDDING_QUERY_PREFIX: embeddingModel?.queryPrefix,
    EMBEDDING_PASSAGE_PREFIX: embeddingModel?.passagePrefix,
    EMBEDDING_USD_PER_MILLION_TOKENS: embeddingModel?.usdPerMillionTokens,
    EMBEDDING_REQUESTS_PER_MINUTE: embeddingModel?.requestsPerMinute,
    EMBEDDING_TOKENS_PER_MINUTE: embeddingModel?.tokensPerMinute,
    EMBEDDING_PREVIOUS_URL: previousEmbeddingModel?.url,
    EMBEDDING_PREVIOUS_MODEL: previousEmbeddingModel?.model,
    EMBEDDING_PREVIOUS_DIMENSIONS: previousEmbeddingModel?.dimensions,
    EMBEDDING_PREVIOUS_QUERY_PREFIX: previousEmbeddingModel?.queryPrefix,
    PREDICTED_CAPACITY: definitionOf(name).settings.includes('PREDICTED_CAPACITY')
      ? predictedCapacity(environment)
      : undefined,
    // A quarter of the replica's memory: the rest is the process, a query's working set and a commit under way.
    CACHE_MIB: Math.floor(placement.memoryMiB / 4),
    // Tokio reads it itself, and counts one thread below two CPUs: then a brain's merge would stop every search.
    TOKIO_WORKER_THREADS: 4,
  };
  const taken = new Set<string>(definitionOf(name).settings);
  return Object.fromEntries(
    Object.entries(all)
      .filter(([key, value]) => value !== undefined && taken.has(key))
      .map(([key, value]) => [key, String(value)]),
  );
}

/** Requests a second that leave two thirds of a replica to others: it answers about 500 on one vCPU. */
const tenantRequestsPerVcpu = 150;
/** A page that opens asks some ten times. */
const tenantRequestsMin = 20;
