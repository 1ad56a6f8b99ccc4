/** The chat tier: every route of the contract that chat owns, and what runs behind them. */
import { hostname } from 'node:os';
import { sql } from 'kysely';
import { Gauge } from 'prom-client';
import { uuidv7 } from 'uuidv7';
import type { Authenticate } from '../shared/auth/identity.ts';
import { limitRequests } from '../shared/auth/rate-limit.ts';
import { createSigner } from '../shared/auth/service-token.ts';
import { createDurations } from '../shared/figures/durations.ts';
import { publishFigures } from '../shared/figures/publish-figures.ts';
import { gauge } from '../shared/gauge.ts';
import { createConcurrency } from '../shared/http/concurrency.ts';
import { type App, createApp } from '../shared/http/http.ts';
import type { Logger } from '../shared/log.ts';
import { configuredModels } from '../shared/models/configured-models.ts';
import {
  createEmbedder,
  type EmbeddingSettings,
  type PreviousEmbeddingSettings,
  previousEmbedding,
  searchedBy,
} from '../shared/models/embedding.ts';
import { type Database, schemaCheck } from '../shared/postgres/database.ts';
import { openRedis } from '../shared/redis.ts';
import type { FleetSlots } from '../shared/slots/fleet-slots.ts';
import { createSlots, type Slots } from '../shared/slots/slots.ts';
import type { SyntheticTenantSettings } from '../shared/warm-up/synthetic-tenant.ts';
import { type Answerer, createAnswerer } from './answering/answerer.ts';
import { createReranker, type Reranker, type RerankSettings } from './answering/rerank.ts';
import { createRetrieval } from './answering/retrieval.ts';
import { timed } from './answering/timed.ts';
import { serveCompletions } from './completions/completions.ts';
import { type ChatContext, streamLimits } from './context.ts';
import { serveConversations } from './conversations/conversations.ts';
import { serveConversationState } from './conversations/state.ts';
import { serveMcp } from './mcp/mcp.ts';
import { chatMeters, hasMeters, type MeterSettings } from './meters.ts';
import { throughGovernor } from './models/governed.ts';
import { serveModelLists } from './models/listing.ts';
import { createModel, type LanguageModel } from './models/model.ts';
import { createModelSlots, hasBound, type ModelSlots } from './models/model-slots.ts';
import type { ModelTimeouts } from './models/watch.ts';
import { serveSearch } from './search/search.ts';
import { serveFeedback } from './turns/feedback.ts';
import { createSweeper } from './turns/sweeper.ts';
import { createTurnJournal } from './turns/turn-journal.ts';
import { createTurnRunner, type TurnRunner } from './turns/turn-runner.ts';
import { openTurnSignals } from './turns/turn-signals.ts';
import { serveTurns } from './turns/turns.ts';
import { warmUp } from './warm-up.ts';

export interface ChatSettings
  extends EmbeddingSettings,
    PreviousEmbeddingSettings,
    SyntheticTenantSettings,
    MeterSettings,
    RerankSettings {
  readonly DATABASE_URL: string;
  readonly VECTORSTORE_URL: string;
  readonly SERVICE_TOKEN_PRIVATE_KEY: string;
  readonly REDIS_URL: string;
  readonly GOVERNOR_URL: string;
  readonly GOVERNOR_BACKEND_URL: string;
  readonly GOVERNOR_TOKEN: string;
  readonly CHAT_SLOTS: number;
  readonly TURN_TIMEOUT_MS: number;
  readonly ENVIRONMENT: string;
  readonly REPLICA: string;
  readonly VERSION: string;
  readonly STOP_TIMEOUT_MS: number;
}

export interface ChatOptions {
  readonly settings: ChatSettings;
  readonly db: Database;
  readonly authenticate: Authenticate;
  readonly log: Logger;
  /** How long a lost client has to come back. @default 10000 */
  readonly reconnectGraceMs?: number;
  readonly modelTimeouts?: ModelTimeouts;
  /** @default 1000 */
  readonly rerankTimeoutMs?: number;
}

const withoutRedis = 'each replica uses its share of a model, and providers keep their limits themselves';
/** Left for the last events, the ledger and the connections, before the process is killed. */
const stopReserveMs = 5000;

export async function createChat({
  settings,
  db,
  authenticate,
  log,
  reconnectGraceMs,
  modelTimeouts,
  rerankTimeoutMs,
}: ChatOptions): Promise<{
  app: App;
  warmUp(): Promise<void>;
  /** Lets turns under way end within the stop timeout, then ends them as `interrupted`. */
  close(): Promise<void>;
}> {
  // Unique per process: a restarted one must not take its forerunner's turns for its own.
  const replica = `${settings.REPLICA || hostname()}/${uuidv7()}`;
  const sign = await createSigner('chat', settings.SERVICE_TOKEN_PRIVATE_KEY);
  const models = configuredModels(settings);
  // One connection for the meters of accounts and the slots of models.
  const needsRedis = hasMeters(settings) || models.some(hasBound);
  const redis = needsRedis ? openRedis(settings.REDIS_URL, 'request', log) : null;
  const meters = chatMeters(redis, settings, log);
  const model = createModel(throughGovernor(models, settings), modelTimeouts, meters.model);
  const reranker = createReranker(settings, log, rerankTimeoutMs, meters.rerank);
  const retrieval = createRetrieval({
    db,
    reranker,
    embedders: [
      createEmbedder(settings, { sign, retriesMax: 0, meter: meters.embedding }),
      createEmbedder(previousEmbedding(settings), { sign, retriesMax: 0 }),
    ].flatMap((one) => one ?? []),
    vectorstoreUrl: settings.VECTORSTORE_URL,
    sign,
    log,
  });
  const turnTimeoutMs = settings.TURN_TIMEOUT_MS;
  const modelSlots = createModelSlots({
    models,
    redis,
    replica,
    turnTimeoutMs,
    log,
  });
  const durations = { firstToken: createDurations(), fullAnswer: createDurations() };
  const answerer = timed(createAnswerer(retrieval, model, models, modelSlots), durations);
  const slots = createSlots({ max: settings.CHAT_SLOTS, expectedMs: 5000 });
  const signals = openTurnSignals(settings.DATABASE_URL, db, log);
  const journal = createTurnJournal(db, replica, log);
  const runner = createTurnRunner({ db, journal, signals, answerer, replica, log, turnTimeoutMs, reconnectGraceMs });
  const priced = (name: string) => ({ name, price: models.find((one) => one.name === name)?.price ?? null });
  const sweeper = createSweeper(db, priced, log);

  const isCurrent = schemaCheck(db);
  const app = createApp({
    log,
    authenticate,
    answerMsMax: turnTimeoutMs,
    notReady: async () => {
      if (!(await isCurrent())) return 'the database schema is older than this build';
      await signals.connected;
      return null;
    },
    details: () => ({ search: searchedBy(settings) }),
    dependencies: [
      { name: 'postgres', check: () => sql`select 1`.execute(db) },
      { name: 'vectorstore', check: retrieval.check },
      ...(redis ? [{ name: 'redis' as const, check: () => redis.ping(), without: withoutRedis }] : []),
    ],
  });
  // Chat goes on without Redis: counted per replica.
  await limitRequests(app.http, null);
  const streams = createConcurrency('streams of turns', streamLimits(slots.max));
  const context: ChatContext = {
    app,
    db,
    answerer,
    retrieval,
    models,
    runner,
    signals,
    slots,
    modelSlots,
    streams,
    replica,
    turnTimeoutMs,
    log,
  };
  serveConversations(context);
  serveConversationState(context);
  serveTurns(context);
  serveFeedback(context);
  serveCompletions(context);
  serveSearch(context);
  serveMcp(context);
  serveModelLists(context);
  measure(app, slots, runner, model, answerer);
  if (reranker) measureReranker(app, reranker);
  const perEndpoint = (read: (slots: FleetSlots) => number) => () =>
    Object.fromEntries([...modelSlots.bounded].map(([endpoint, bounded]) => [endpoint, read(bounded)]));
  const stopFigures = publishFigures({
    registry: app.metrics,
    log,
    tier: 'chat',
    settings,
    db,
    figures: {
      slots: () => slots.max,
      slotsInUse: () => slots.inFlight,
      // Not those of a model that is full, which are told apart: more replicas, which are started for yields, help nobody there.
      yields: () => slots.counts.yielded,
      modelSlots: perEndpoint(({ max }) => max),
      modelSlotsInUse: perEndpoint(({ fleetInFlight }) => fleetInFlight ?? 0),
      ...durations,
    },
  });
  measureModels(app, modelSlots);
  let deadline: NodeJS.Timeout | undefined;
  app.stopping.addEventListener('abort', () => {
    deadline = setTimeout(() => void runner.close(), Math.max(0, settings.STOP_TIMEOUT_MS - stopReserveMs));
  });

  return {
    app,
    warmUp: () => warmUp({ app, db, settings, model }),
    close: async () => {
      await stopFigures();
      sweeper.close();
      await (deadline ? runner.drained() : runner.close());
      clearTimeout(deadline);
      await runner.close();
      await modelSlots.close();
      redis?.disconnect();
      await signals.close();
    },
  };
}

function measure(app: App, slots: Slots, runner: TurnRunner, model: LanguageModel | null, { counts }: Answerer): void {
  gauge(app.metrics, 'chat_executed_total', 'Slots given since the start', () => slots.counts.executed);
  gauge(app.metrics, 'chat_completed_total', 'Slots given back since the start', () => slots.counts.completed);
  gauge(app.metrics, 'chat_turns_running', 'Turns under way', () => runner.running);
  gauge(app.metrics, 'chat_model_circuit_open', '1 while the model endpoint is not asked because it failed', () =>
    Number(model?.circuitOpen ?? false),
  );
  gauge(
    app.metrics,
    'chat_model_fallbacks_total',
    'Answers that another model was asked for since the start, because the chosen one failed',
    () => counts.fallbacks,
  );
  gauge(
    app.metrics,
    'chat_citations_dropped_total',
    'Citations left out since the start, because the passage does not support the claim',
    () => counts.citationsDropped,
  );
  gauge(
    app.metrics,
    'chat_tokens_wasted_total',
    'Tokens of models since the start, of answers whose reader or conversation was gone',
    () => counts.wastedTokens,
  );
}

function measureModels({ metrics }: App, { bounded }: ModelSlots): void {
  const labelled = (name: string, help: string, read: (slots: FleetSlots) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['endpoint'],
      registers: [metrics],
      collect() {
        for (const [endpoint, slots] of bounded) this.set({ endpoint }, read(slots));
      },
    });
  labelled(
    'chat_model_yielded_total',
    'Requests refused for a model endpoint since the start',
    ({ counts }) => counts.yielded,
  );
  labelled('chat_model_slots_degraded', '1 while Redis does not tell who has what', (slots) => Number(slots.degraded));
}

function measureReranker({ metrics }: App, reranker: Reranker): void {
  const { counts } = reranker;
  gauge(
    metrics,
    'chat_rerank_done_total',
    'Lists of passages that the reranker sorted since the start',
    () => counts.done,
  );
  gauge(metrics, 'chat_rerank_late_total', 'Lists that stayed as they were: it answered too late', () => counts.late);
  gauge(metrics, 'chat_rerank_failed_total', 'Lists that stayed as they were: it failed', () => counts.failed);
  gauge(metrics, 'chat_rerank_circuit_open', '1 while the reranker is not asked because it failed', () =>
    Number(reranker.circuitOpen),
  );
}
