/**
 * The settings of a service that follow from its environment alone. Addresses and secrets are added by whoever starts
 * it: the local run, a task definition, a unit file.
 */
import { type ServiceName, type SettingName, services } from '../services/manifest.ts';
import type { Environment, Placement } from './environment.ts';

export function serviceSettings(
  environment: Environment,
  name: ServiceName,
  placement: Placement,
): Partial<Record<SettingName, string>> {
  const { limits, chatModel, embeddingModel } = environment;
  const all: Partial<Record<SettingName, string | number | undefined>> = {
    PORT: services[name].port,
    ENVIRONMENT: environment.name,
    STOP_TIMEOUT_MS: limits.stopTimeoutMs,
    UPLOAD_BYTES_MAX: limits.uploadBytesMax,
    PAGES_MAX: limits.pagesMax,
    PAGE_TIMEOUT_MS: limits.pageTimeoutMs,
    PARSER_CHILDREN: placement.parserChildren,
    CHAT_SLOTS: placement.slots,
    MODEL_URL: chatModel?.url,
    MODEL_NAME: chatModel?.model,
    EMBEDDING_URL: embeddingModel?.url,
    EMBEDDING_MODEL: embeddingModel?.model,
    EMBEDDING_DIMENSIONS: embeddingModel?.dimensions,
    // A quarter of the replica's memory: the rest is the process, a query's working set and a commit under way.
    CACHE_MIB: name === 'vectorstore' ? Math.floor(placement.memoryMiB / 4) : undefined,
  };
  const taken = new Set<SettingName>(services[name].settings);
  return Object.fromEntries(
    Object.entries(all)
      .filter(([key, value]) => value !== undefined && taken.has(key as SettingName))
      .map(([key, value]) => [key, String(value)]),
  );
}
