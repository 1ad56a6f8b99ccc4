/**
 * One question on its way, per conversation: asking, waiting for a slot, streaming, reconnecting.
 *
 *   sending ─► waiting ─(hint over)─► sending      503 yield: same Idempotency-Key, the question stays
 *      │          └─(2 min)─► held                 "Still busy": a person decides
 *      ├─► searching ─► found ─► streaming ─► (done: leaves this store, lives in the query cache)
 *      │        └─────────┴─────────┴─► reconnecting ─► streaming     Last-Event-ID
 *      └─► refused                                 quota, role, length, model, canceled: the text goes back to the box
 */
import type { QueryClient } from '@tanstack/react-query';
import type { Turn, TurnEvent, TurnInput } from '../../../../shared/contract/chat.ts';
import { ApiError, request, unreachable } from '../../data/http.ts';
import { turnStream } from '../../data/turn-stream.ts';
import { storeTurn } from '../turns-cache.ts';

export interface Asking {
  readonly question: string;
  /** What is sent: the question, or an earlier turn that is asked again or goes on. */
  readonly input: TurnInput;
  readonly phase: 'sending' | 'waiting' | 'held' | 'searching' | 'found' | 'streaming' | 'reconnecting' | 'refused';
  /** Grows as the answer arrives; null until the service made the turn. */
  readonly turn: Turn | null;
  /** Documents being searched. */
  readonly documents: number | null;
  /** That the model reads before its first word. */
  readonly passages: number | null;
  /** When the next try is, by the local clock, ms; while `waiting`. */
  readonly retryAt: number | null;
  readonly error: ApiError | null;
}

export class TurnRequest {
  readonly #conversation: string;
  readonly #client: QueryClient;
  readonly #listeners = new Set<() => void>();
  #asking: Asking | null = null;
  #abort = new AbortController();
  /** Of the stream that is being read. Aborted, it is taken up on another. */
  #line = new AbortController();
  #wake: (() => void) | null = null;
  #key = '';
  #pending: Partial<Asking> | null = null;

  constructor(conversation: string, client: QueryClient) {
    this.#conversation = conversation;
    this.#client = client;
  }

  readonly snapshot = (): Asking | null => this.#asking;
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Resolves when the question has an answer, was refused, held or canceled. Never throws. */
  async ask(question: string, input?: TurnInput): Promise<void> {
    // After a broken line the same question keeps its key: one that did arrive is taken up, not asked and billed again.
    const before = this.#asking?.error?.code === unreachable().code ? this.#asking : null;
    const lost = before?.question === question ? before.input : undefined;
    // A key belongs to what it came with: sent from the box, what was asked again is still that.
    const sent = input ?? lost ?? { question };
    if (JSON.stringify(sent) !== JSON.stringify(lost)) this.#key = crypto.randomUUID();
    await this.#run({ ...fresh, question, input: sent });
  }

  /** From `waiting`: now instead of later. From `held`: another two minutes. */
  async tryNow(): Promise<void> {
    if (this.#wake) return this.#wake();
    if (this.#asking?.phase === 'held')
      await this.#run({ ...fresh, question: this.#asking.question, input: this.#asking.input });
  }

  /** Gives up a question that has no turn yet: its text goes back to the box. A second time, it is forgotten. */
  cancel(): void {
    const asking = this.#asking;
    this.#abort.abort();
    this.#set(asking && asking.phase !== 'refused' ? { ...fresh, question: asking.question, phase: 'refused' } : null);
  }

  /** Ends the answer on the service; closing the line alone would not. What arrived is kept. */
  async stop(): Promise<void> {
    const turn = this.#latest()?.turn;
    if (!turn) {
      this.cancel();
      return;
    }
    // The stream itself brings the end, `stopped`; the next one does where this one is dead.
    const line = this.#line;
    setTimeout(() => line.abort(), stopMsMax);
    await request('POST /v1/chat/turns/{turn}:stop', { params: { turn: turn.id } }).catch(() => undefined);
  }

  /** Follows an answer that was under way when the page came. */
  async resume(turn: Turn): Promise<void> {
    if (this.#asking) return;
    this.#abort = new AbortController();
    this.#set({
      ...fresh,
      question: turn.question,
      input: turn.continues ? { continues: turn.continues } : { question: turn.question },
      phase: 'reconnecting',
      turn: { ...turn, answer: '', citations: [] },
    });
    await this.#follow(null);
  }

  async #run(asking: Asking): Promise<void> {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const started = Date.now();
    this.#set(asking);
    while (!signal.aborted) {
      try {
        const response = await request('POST /v1/chat/conversations/{conversation}/turns', {
          params: { conversation: this.#conversation },
          body: asking.input,
          signal,
          headers: { accept: 'text/event-stream', 'Idempotency-Key': this.#key },
        });
        return await this.#follow(response);
      } catch (error) {
        if (signal.aborted) return;
        const refused = error instanceof ApiError ? error : unreachable();
        if (refused.code !== 'yield') return this.#set({ ...asking, phase: 'refused', error: refused });
        const waitMs = refused.retryAfterMs ?? defaultWaitMs;
        if (Date.now() + waitMs - started > busyMs) return this.#set({ ...asking, phase: 'held', error: refused });
        this.#set({ ...asking, phase: 'waiting', retryAt: Date.now() + waitMs, error: refused });
        await this.#sleep(waitMs, signal);
        if (!signal.aborted) this.#set({ ...asking, phase: 'sending' });
      }
    }
  }

  /** Reads a stream to its end; a broken line is taken up again where it broke. */
  async #follow(response: Response | null): Promise<void> {
    const { signal } = this.#abort;
    let lastEventId: string | undefined;
    let tries = 0;
    let current = response;
    while (!signal.aborted) {
      const line = new AbortController();
      this.#line = line;
      try {
        current ??= await request('GET /v1/chat/turns/{turn}/events', {
          params: { turn: this.#latest()?.turn?.id ?? '' },
          signal: AbortSignal.any([signal, line.signal]),
          headers: { accept: 'text/event-stream', ...(lastEventId && { 'Last-Event-ID': lastEventId }) },
        });
        for await (const { id, event } of turnStream(current, line)) {
          tries = 0;
          lastEventId = id ?? lastEventId;
          if (this.#take(event)) return;
        }
      } catch (error) {
        if (signal.aborted) return;
        // Nothing to resume: what was saved is shown.
        if (error instanceof ApiError && error.status >= 400 && error.status < 500) return await this.#giveUp();
      }
      if (signal.aborted) return;
      current = null;
      if (!this.#latest()?.turn || ++tries > resumeTries) return await this.#giveUp();
      this.#update({ phase: 'reconnecting' });
      await this.#sleep(Math.min(500 * 2 ** tries, 5000), signal);
    }
  }

  /** True when the answer is complete. */
  #take({ event, data }: TurnEvent): boolean {
    const { turn } = this.#latest() ?? {};
    if (event === 'turn') this.#update({ turn: data, phase: 'searching' });
    else if (event === 'searching') this.#update({ documents: data.documents, phase: 'searching' });
    else if (event === 'found') this.#update({ passages: data.passages, phase: 'found' });
    else if (event === 'token' && turn)
      this.#update({ turn: { ...turn, answer: turn.answer + data.text }, phase: 'streaming' });
    else if (event === 'citation' && turn)
      this.#update({ turn: { ...turn, citations: [...turn.citations, data] }, phase: 'streaming' });
    else if (event === 'done') {
      storeTurn(this.#client, data);
      this.#set(null);
      return true;
    } else if (event === 'error') {
      if (turn) storeTurn(this.#client, { ...turn, status: 'failed', error: data });
      this.#set(turn || !this.#asking ? null : { ...this.#asking, phase: 'refused', error: new ApiError(data) });
      return true;
    }
    return false;
  }

  async #giveUp(): Promise<void> {
    await this.#client.invalidateQueries({ queryKey: ['turns', this.#conversation] });
    const asking = this.#asking;
    this.#set(asking && !asking.turn ? { ...asking, phase: 'refused', error: unreachable() } : null);
  }

  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#wake = end;
      signal.addEventListener('abort', end, { once: true });
    });
  }

  #latest(): Asking | null {
    return this.#asking && { ...this.#asking, ...this.#pending };
  }

  /** Tokens arrive faster than frames: one commit a frame, or a few a second in a hidden tab, which has no frames. */
  #update(change: Partial<Asking>): void {
    const scheduled = this.#pending !== null;
    this.#pending = { ...this.#pending, ...change };
    if (scheduled) return;
    const commit = () => {
      if (this.#pending) this.#set(this.#latest());
    };
    if (document.hidden) setTimeout(commit, 250);
    else requestAnimationFrame(commit);
  }

  #set(asking: Asking | null): void {
    this.#pending = null;
    this.#asking = asking;
    for (const listener of this.#listeners) listener();
  }
}

const fresh: Asking = {
  question: '',
  input: {},
  phase: 'sending',
  turn: null,
  documents: null,
  passages: null,
  retryAt: null,
  error: null,
};
/** A stopped answer ends at once; this is for a slow network. */
const stopMsMax = 5000;
/** After this long of busy answers, the machine stops asking by itself and a person decides. */
const busyMs = 120_000;
/** A busy answer always carries a hint; this is for a proxy's own 503. */
const defaultWaitMs = 3000;
/** The service keeps an answer going for 10 s after a lost line; five tries cover that with room. */
const resumeTries = 5;
