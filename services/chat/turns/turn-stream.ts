/** The events of one turn that this replica answers: what was written so far, for any number of readers. */
import type { TurnJournal, WrittenEvent } from './turn-journal.ts';

export interface TurnStream {
  readonly turnId: string;
  /** In order, from 1. Readers keep their own position, so a slow one holds up nobody and costs nothing. */
  readonly written: readonly WrittenEvent[];
  /** `lost`: the turn is no longer this replica's; what else happened to it stands in PostgreSQL. */
  readonly ended: 'done' | 'lost' | null;
  /** Sequence of the next event. */
  readonly nextSequence: number;
  /** Joined to the token before, if that is not written yet. */
  token(text: string): void;
  append(event: string, data: object): void;
  /** Adds an event that was written elsewhere, and ends. */
  finish(event: WrittenEvent | null): void;
  /** Resolves at the next change, or when the signal aborts. */
  changed(signal: AbortSignal): Promise<void>;
}

export interface TurnStreamOptions {
  readonly turnId: string;
  readonly journal: TurnJournal;
  /** Written when the turn was made. */
  readonly first: readonly WrittenEvent[];
  /** The turn is no longer this replica's. */
  readonly lost: () => void;
  /** Somebody reads on another replica. */
  readonly followed: () => boolean;
}

export function createTurnStream({ turnId, journal, first, lost, followed }: TurnStreamOptions): TurnStream {
  const written = [...first];
  let nextSequence = first.length + 1;
  let openToken: { text: string } | null = null;
  let ended: TurnStream['ended'] = null;
  let wake = Promise.withResolvers<void>();
  const change = () => {
    wake.resolve();
    wake = Promise.withResolvers();
  };

  let words = false;
  const append = (event: string, data: object) => {
    const urgent = event === 'token' && !words;
    words ||= urgent;
    journal.append({
      turnId,
      sequence: nextSequence,
      event,
      data,
      urgent,
      taken: () => {
        if (openToken === data) openToken = null;
      },
      written: (stored) => {
        written.push(stored);
        change();
      },
      refused: () => {
        if (ended) return;
        ended = 'lost';
        lost();
        change();
      },
      followed,
    });
    nextSequence += 1;
  };

  return {
    turnId,
    written,
    append: (event, data) => {
      openToken = null;
      append(event, data);
    },
    token: (text) => {
      if (openToken) openToken.text += text;
      else {
        openToken = { text };
        append('token', openToken);
      }
    },
    finish: (event) => {
      if (ended) return;
      if (event) written.push(event);
      ended = event ? 'done' : 'lost';
      change();
    },
    changed: async (signal) => {
      if (signal.aborted) return;
      const aborted = Promise.withResolvers<void>();
      const abort = () => aborted.resolve();
      signal.addEventListener('abort', abort, { once: true });
      await Promise.race([wake.promise, aborted.promise]);
      signal.removeEventListener('abort', abort);
    },
    get ended() {
      return ended;
    },
    get nextSequence() {
      return nextSequence;
    },
  };
}
