/** Answers of all chat replicas together that a model's endpoint gives at a time, where it is said how many (`maxInFlight`). */
import type { Redis } from 'ioredis';
import { yieldError } from '../../shared/http/problem.ts';
import type { Logger } from '../../shared/log.ts';
import type { ConfiguredModel } from '../../shared/models/configured-models.ts';
import { createFleetSlots, type FleetSlots } from '../../shared/slots/fleet-slots.ts';

export interface ModelSlots {
  /**
   * The function that gives the slot back; of a model without a bound, and of none, it does nothing.
   *
   * @param held a model whose slot the caller has: for another one at its endpoint it is enough
   * @throws ProblemError `yield`
   */
  take(model: string, tenantId: string, held?: string): Promise<() => void>;
  /** By endpoint. */
  readonly bounded: ReadonlyMap<string, FleetSlots>;
  close(): Promise<void>;
}

export interface ModelSlotsOptions {
  readonly models: readonly ConfiguredModel[];
  /** Null: no model has a bound. */
  readonly redis: Redis | null;
  readonly replica: string;
  readonly turnTimeoutMs: number;
  readonly log: Logger;
}

export const hasBound = (model: ConfiguredModel): model is ConfiguredModel & { readonly maxInFlight: number } =>
  model.maxInFlight !== null;

export function createModelSlots({ models, redis, replica, turnTimeoutMs, log }: ModelSlotsOptions): ModelSlots {
  const bounds = new Map(models.filter(hasBound).map(({ endpoint, maxInFlight }) => [endpoint, maxInFlight]));
  const endpoints = new Map(models.map(({ name, endpoint }) => [name, endpoint]));
  const bounded = new Map<string, FleetSlots>();
  for (const [endpoint, maxInFlight] of bounds)
    if (redis)
      bounded.set(
        endpoint,
        createFleetSlots({
          redis,
          name: `model:${endpoint}`,
          max: maxInFlight,
          replica,
          jobMsMax: turnTimeoutMs,
          expectedMs: 5000,
          log,
        }),
      );
  return {
    bounded,
    take: async (model, tenantId, held) => {
      const endpoint = endpoints.get(model) ?? '';
      const slots = bounded.get(endpoint);
      if (!slots || (held !== undefined && endpoints.get(held) === endpoint)) return () => {};
      const slot = await slots.take(tenantId);
      if ('release' in slot) return slot.release;
      throw yieldError(
        `The endpoint of '${model}' gives ${slots.max} answers at a time, to all who ask together, and none is free for your tenant.`,
        slot.retryHintMs,
      );
    },
    close: async () => {
      await Promise.all([...bounded.values()].map((slots) => slots.close()));
    },
  };
}
