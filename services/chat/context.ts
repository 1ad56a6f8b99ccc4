/** What the handlers of chat share. */
import type { ExpressionBuilder } from 'kysely';
import type { Identity } from '../shared/auth/identity.ts';
import type { Concurrency, ConcurrencyLimits } from '../shared/http/concurrency.ts';
import type { App } from '../shared/http/http.ts';
import { yieldError } from '../shared/http/problem.ts';
import type { Logger } from '../shared/log.ts';
import type { ConfiguredModel } from '../shared/models/configured-models.ts';
import type { Database } from '../shared/postgres/database.ts';
import type { Tables } from '../shared/postgres/tables.ts';
import type { Slots } from '../shared/slots/slots.ts';
import type { Answerer } from './answering/answerer.ts';
import type { Retrieval } from './answering/retrieval.ts';
import type { ModelSlots } from './models/model-slots.ts';
import type { TurnRunner } from './turns/turn-runner.ts';
import type { TurnSignals } from './turns/turn-signals.ts';

export interface ChatContext {
  readonly app: App;
  readonly db: Database;
  readonly answerer: Answerer;
  readonly retrieval: Retrieval;
  /** Of the environment, the one that is asked by default first. */
  readonly models: readonly ConfiguredModel[];
  readonly runner: TurnRunner;
  readonly signals: TurnSignals;
  readonly slots: Slots;
  /** Of each model's endpoint, shared by all replicas. */
  readonly modelSlots: ModelSlots;
  /** Streams of turns, asked or resumed. */
  readonly streams: Concurrency;
  /** Unique per process, not only per replica: a restarted one must not take its forerunner's turns for its own. */
  readonly replica: string;
  /** Longest time for one answer. */
  readonly turnTimeoutMs: number;
  readonly log: Logger;
}

/**
 * Streams of turns that are read at a time. As many again as one caller can have answers under way, for those that are
 * read once more (another tab, a resumed one) and for those who are about to hear that no slot is free; each holds a
 * socket and at most one event.
 */
export const streamLimits = (slots: number): ConcurrencyLimits => ({
  callerMax: 2 * slots,
  tenantMax: 3 * slots,
  replicaMax: 4 * slots,
});

/** Conversations belong to the person, or to the key, that started them. */
export const ownConversation = (identity: Identity) => (eb: ExpressionBuilder<Tables, 'conversations'>) =>
  eb.and([
    eb('conversations.tenant_id', '=', identity.tenantId),
    identity.keyId
      ? eb('conversations.api_key_id', '=', identity.keyId)
      : eb('conversations.person_id', '=', identity.personId),
  ]);

/** @throws ProblemError `yield` when every slot is taken, or all that are the tenant's share */
export function takeSlot(slots: Slots, tenantId: string): () => void {
  const slot = slots.take(tenantId);
  if ('release' in slot) return slot.release;
  const { max, inFlight } = slots;
  throw yieldError(
    inFlight === max
      ? `All ${max} answers that this replica gives at a time are under way.`
      : `Your tenant has ${slots.heldBy(tenantId)} of the ${max} answers that this replica gives at a time; the rest is kept for others.`,
    slot.retryHintMs,
  );
}
