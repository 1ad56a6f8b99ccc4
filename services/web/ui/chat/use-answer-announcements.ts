/** What readers hear of an answer: that it comes, that it still comes, that it is there. Never the tokens. */
import { useEffect, useRef } from 'react';
import type { Turn } from '../../../shared/contract/chat.ts';
import { useCopy } from '../copy/index.tsx';
import { announce } from '../parts/announcer.tsx';
import type { Asking } from './asking/turn-request.ts';

/** Longer silence makes people wonder; more often is noise. */
const stillMs = 15_000;

export function useAnswerAnnouncements(asking: Asking | null, latest: Turn | undefined): void {
  const copy = useCopy();
  const phase = asking?.phase ?? null;
  const answering = phase === 'searching' || phase === 'found' || phase === 'streaming';
  const followed = useRef<string | null>(null);
  const turn = asking?.turn?.id ?? null;

  useEffect(() => {
    if (!answering) return;
    announce(copy.chat.announceAnswering);
    const timer = setInterval(() => announce(copy.chat.announceStill), stillMs);
    return () => clearInterval(timer);
  }, [answering, copy]);
  useEffect(() => {
    if (turn) followed.current = turn;
    else if (latest && followed.current === latest.id) {
      followed.current = null;
      const { status, citations } = latest;
      if (status === 'stopped') announce(copy.chat.stopped);
      else if (status === 'interrupted') announce(copy.chat.interrupted);
      else if (status === 'failed') announce(copy.chat.modelFailed);
      else announce(copy.chat.announceReady(citations.length));
    }
  }, [turn, latest, copy]);
  const waiting = phase === 'waiting';
  const waitMs = useRef(0);
  if (waiting && asking?.retryAt) waitMs.current = asking.retryAt - Date.now();
  useEffect(() => {
    // The countdown is spoken once.
    if (waiting) announce(copy.chat.waiting(waitMs.current));
    if (phase === 'reconnecting') announce(copy.chat.reconnecting);
  }, [waiting, phase, copy]);
}
