/**
 * Answers turns apart from whoever reads them: a reader that comes back finds its turn running. One ends when its answer
 * does, when it is stopped, when nobody has read it for 10 s, when it takes too long, or when this replica must go.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Citation, FinishReason, Turn } from '../../shared/contract/chat.ts';
import type { Problem } from '../../shared/contract/common.ts';
import { UnavailableError } from '../../shared/http/unavailable.ts';
import { noteUsed } from '../../shared/ledger/reservations.ts';
import type { Logger } from '../../shared/log.ts';
import type { Database } from '../../shared/postgres/database.ts';
import { answerProblem } from '../answering/answer-problem.ts';
import type { Answerer, Question } from '../answering/answerer.ts';
import { ModelInterruptedError } from '../models/model.ts';
import { createReconnectGrace, type ReconnectGrace } from './reconnect-grace.ts';
import {
  endEntries,
  newTokenUsage,
  recordTokens,
  reservationMs,
  searchEntries,
  type TokenUsage,
  turnUsageOf,
} from './token-usage.ts';
import type { TurnJournal, WrittenEvent } from './turn-journal.ts';
import type { TurnSignals } from './turn-signals.ts';
import { type End, endTurn, renewLeases } from './turn-store.ts';
import { createTurnStream, type TurnStream } from './turn-stream.ts';

export interface TurnRunner {
  /** Answers in the background. `release` gives the slot back when it ends. */
  start(turn: StartedTurn, release: () => void): TurnStream;
  /** The stream of a turn that this replica answers. Call the result of {@link TurnRunner.watch} while reading it. */
  stream(turnId: string): TurnStream | undefined;
  /** A reader came; the returned function says that it left. */
  watch(turnId: string): () => void;
  readonly running: number;
  /** What runs has ended by itself, or by {@link TurnRunner.close}. */
  drained(): Promise<void>;
  /** Ends what still runs as `interrupted`, and waits for it. */
  close(): Promise<void>;
}

export interface StartedTurn {
  readonly turn: Turn;
  readonly question: Question;
  /** Written when the turn was made. */
  readonly first: readonly WrittenEvent[];
  /** The turn is written: until then its passages are searched, and no more. Rejects: it was refused, there is none. */
  readonly begun: Promise<unknown>;
}

export interface TurnRunnerOptions {
  readonly db: Database;
  readonly journal: TurnJournal;
  readonly signals: TurnSignals;
  readonly answerer: Answerer;
  readonly replica: string;
  readonly log: Logger;
  /** Setting TURN_TIMEOUT_MS. */
  readonly turnTimeoutMs: number;
  /** How long a lost client has to come back. @default 10000 (docs: "10 s to come back") */
  readonly reconnectGraceMs?: number;
}

/** A third of the lease: two renewals may fail. */
const renewEveryMs = 10_000;

/** A reader on another replica says so every 2 s (turn-follow.ts); two of its signals may be lost. */
const followedMs = 6000;

const unread = 'nobody reads it any more';
type Stop = { readonly status: 'stopped' | 'interrupted'; readonly why: string } | { readonly status: 'lost' };

export function createTurnRunner(options: TurnRunnerOptions): TurnRunner {
  const { db, journal, signals, replica, log, reconnectGraceMs = 10_000 } = options;
  const running = new Map<string, Running>();
  const ends = new Set<Promise<void>>();

  const renew = setInterval(() => {
    if (running.size === 0) return;
    renewLeases(db, replica, [...running.keys()]).then(
      (stopped) => {
        for (const id of stopped) running.get(id)?.stop({ status: 'stopped', why: 'asked to stop' });
      },
      (error) => log.warn({ err: error }, 'leases of turns not renewed'),
    );
  }, renewEveryMs);

  const start: TurnRunner['start'] = (started, release) => {
    const { id } = started.turn;
    const abort = new AbortController();
    const stop = (reason: Stop) => abort.abort(reason);
    let followedUntilMs = 0;
    const stream = createTurnStream({
      turnId: id,
      journal,
      first: started.first,
      lost: () => stop({ status: 'lost' }),
      followed: () => performance.now() < followedUntilMs,
    });
    const reconnectGrace = createReconnectGrace(reconnectGraceMs, () => stop({ status: 'interrupted', why: unread }));
    const watched = () => {
      reconnectGrace.seen();
      const unknown = performance.now() >= followedUntilMs;
      followedUntilMs = performance.now() + followedMs;
      // What was written, or is being written, while nobody was known to read elsewhere: the reader looks once more.
      if (unknown)
        journal
          .flush(id)
          .then(() => signals.send('events', id))
          .catch((error) => log.warn({ err: error, turnId: id }, 'a reader elsewhere was not told'));
    };
    const unhear = signals.on(id, (signal) => {
      if (signal === 'watched') watched();
      if (signal === 'stop') stop({ status: 'stopped', why: 'asked to stop' });
    });
    running.set(id, { stream, stop, reconnectGrace });
    // Who asks reads, too, while they wait for that.
    const asked = reconnectGrace.enter();
    started.begun.catch(() => stop({ status: 'lost' })).finally(asked);
    const end = run(options, started, stream, abort.signal)
      .catch((error) => {
        // The lease expires, and a sweeper ends the turn.
        log.error({ err: error, turnId: id }, 'turn not ended');
        stream.finish(null);
      })
      .finally(() => {
        running.delete(id);
        unhear();
        reconnectGrace.close();
        release();
        ends.delete(end);
      });
    ends.add(end);
    return stream;
  };

  return {
    start,
    stream: (turnId) => running.get(turnId)?.stream,
    watch: (turnId) => running.get(turnId)?.reconnectGrace.enter() ?? (() => {}),
    get running() {
      return running.size;
    },
    drained: async () => void (await Promise.all(ends)),
    close: async () => {
      clearInterval(renew);
      for (const { stop } of running.values()) stop({ status: 'interrupted', why: 'this replica is stopping' });
      await Promise.all(ends);
    },
  };
}

interface Running {
  readonly stream: TurnStream;
  readonly stop: (reason: Stop) => void;
  readonly reconnectGrace: ReconnectGrace;
}

async function run(
  options: TurnRunnerOptions,
  { turn, question, begun }: StartedTurn,
  stream: TurnStream,
  stopped: AbortSignal,
): Promise<void> {
  const { db, journal, answerer, log, turnTimeoutMs } = options;
  const tokenUsage = newTokenUsage();
  const citations: Citation[] = [];
  const parts = { answer: '', answered: null as boolean | null, finishReason: null as FinishReason | null };
  let { answerer: by } = turn;
  let error: Problem | null = null;
  let status: 'done' | 'interrupted' | 'failed' = 'done';
  let [searched, remembered] = [false, Promise.resolve()];
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(turnTimeoutMs)]);
  try {
    for await (const part of answerer.answer(question, tokenUsage, signal)) {
      if ('found' in part) {
        // Before a model is asked, and an event written.
        await begun;
        // A fallback reads them once more.
        if (!searched) stream.append('found', { passages: part.found });
        searched = true;
        // For the sweeper, should this replica die: sent before the model is asked, which is paid, written before a word is shown.
        if (tokenUsage.tokensIn > 0 || usedBySearch(tokenUsage))
          remembered = rememberUsage(options, question, { ...turn, answerer: by }, tokenUsage);
      } else if ('text' in part) {
        await remembered;
        parts.answer += part.text;
        stream.token(part.text);
      } else if ('citation' in part) {
        citations.push(part.citation);
        stream.append('citation', part.citation);
      } else if ('answerer' in part) by = part.answerer;
      else {
        parts.answered = part.answered;
        parts.finishReason = part.finishReason;
      }
    }
  } catch (thrown) {
    if (!stopped.aborted && thrown instanceof ModelInterruptedError) {
      status = 'interrupted';
      log.warn({ err: thrown, cause: thrown.cause, turnId: turn.id }, 'answer broken off by the model');
    } else if (!stopped.aborted) {
      status = 'failed';
      log.warn({ err: thrown, cause: (thrown as Error).cause, turnId: turn.id }, 'answer failed');
      error = answerProblem(thrown, turn.id).toProblem();
    }
  }
  const isBegun = await begun.then(always, never);
  if (!isBegun && !usedBySearch(tokenUsage)) return;
  await Promise.all([remembered, journal.flush(turn.id)]);
  const stop = stopped.aborted ? (stopped.reason as Stop) : null;
  if (stop?.status === 'lost' || stream.ended) return recordLost(options, question, turn, tokenUsage);
  if (stop) log.info({ turnId: turn.id, ...stop }, 'answer ended early');

  const last = await endSurely(db, log, {
    turn: { ...turn, answerer: by },
    status: stop?.status ?? status,
    finishReason: parts.finishReason,
    answer: parts.answer,
    answered: parts.answered,
    citations,
    usage: turnUsageOf(tokenUsage),
    error,
    sequence: stream.nextSequence,
    entries: endEntries(turn.id, tokenUsage, stop?.why === unread ? answerer.counts : null),
  });
  if (!last) await recordLost(options, question, turn, tokenUsage);
  stream.finish(last);
}

const always = () => true;
const never = () => false;
const usedBySearch = ({ embeddingTokens, rerankCalls }: TokenUsage) => embeddingTokens + rerankCalls > 0;

/** A failover takes up to a minute; should it take longer, the lease runs out and a sweeper ends the turn. */
const endTriesMax = 20;
const endRetryMs = 1000;

/**
 * Ends the turn also when PostgreSQL is lost meanwhile. An end whose answer was lost stands: the next try finds the turn
 * ended, writes nothing, and readers find the last event where it is stored.
 */
async function endSurely(db: Database, log: Logger, end: End): Promise<WrittenEvent | null> {
  for (let tries = 1; ; tries += 1)
    try {
      return await endTurn(db, end);
    } catch (error) {
      if (!(error instanceof UnavailableError) || tries >= endTriesMax) throw error;
      log.warn({ err: error, turnId: end.turn.id, tries }, 'turn not ended yet');
      await sleep(endRetryMs);
    }
}

/** Without it the answer goes on: only a sweeper would miss it. */
async function rememberUsage(
  { db, log, turnTimeoutMs }: TurnRunnerOptions,
  { tenantId, brainId, keyId = null }: Question,
  { id, answerer }: Turn,
  tokenUsage: TokenUsage,
) {
  // Of providers. Our own embedding bills nobody, and most turns are spared a statement.
  const searched = searchEntries(id, tokenUsage).filter(({ amount, costUsd }) => amount > 0 && costUsd !== 0);
  const noted =
    searched.length > 0 && noteUsed(db, { id, tenantId, brainId, keyId }, searched, reservationMs({ turnTimeoutMs }));
  const shown = db
    .updateTable('turns')
    // Of the model that answers alone: what others used stands at their own prices, and only this replica knows it.
    .set({ usage: JSON.stringify(turnUsageOf({ ...tokenUsage, replaced: [] })), answerer_name: answerer.name })
    .where('id', '=', id)
    .where('status', '=', 'streaming')
    .execute();
  await Promise.all([noted, shown]).catch((error: Error) =>
    log.warn({ err: error, turnId: id }, 'usage of a turn not noted'),
  );
}

/** The conversation was deleted meanwhile, or a sweeper was first: the model was paid all the same. */
function recordLost({ db, answerer }: TurnRunnerOptions, question: Question, { id }: Turn, tokenUsage: TokenUsage) {
  const { tenantId, brainId, keyId = null } = question;
  const how = { reserved: true, wasted: answerer.counts };
  return recordTokens(db, { id, turnId: null, tenantId, brainId, keyId }, tokenUsage, how);
}
