/** The conversation: its head, its turns, and the box to ask in. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { useLocation } from 'wouter';
import type { Turn, TurnInput } from '../../../shared/contract/chat.ts';
import type { SourceLocation } from '../brain/source-location.ts';
import { ApiError, call, unreachable } from '../data/http.ts';
import { keys } from '../data/keys.ts';
import { upsert } from '../data/lists.ts';
import { useDocuments, useMe, useTurns } from '../data/queries.ts';
import { LoadError, Skeleton } from '../parts/states.tsx';
import { Composer } from './asking/composer.tsx';
import { noTurnRequest, turnRequestFor } from './asking/turn-requests.ts';
import { ConversationBar } from './conversations/conversation-bar.tsx';
import { EmptyChat } from './empty-chat.tsx';
import { Transcript } from './transcript.tsx';
import { type TurnPages, turnsOf } from './turns-cache.ts';
import { useAnswerAnnouncements } from './use-answer-announcements.ts';

interface ChatPaneProps {
  readonly brain: string;
  readonly conversation: string | undefined;
  readonly source: SourceLocation | null;
  readonly onOpen: (location: SourceLocation) => void;
}

export function ChatPane({ brain, conversation, source, onOpen }: ChatPaneProps) {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const { data: me } = useMe();
  const { data: documents } = useDocuments(brain);
  const turnsQuery = useTurns(conversation);
  const turns = turnsOf(turnsQuery.data as TurnPages | undefined);
  const turnRequest = conversation ? turnRequestFor(client, conversation) : noTurnRequest;
  const asking = useSyncExternalStore(turnRequest.subscribe, turnRequest.snapshot);
  const [startFailure, setStartFailure] = useState<{ question: string; error: ApiError } | null>(null);
  useAnswerAnnouncements(asking, turns.at(-1));

  // An answer that was under way when this page came: after a reload, on another tab, on the phone.
  const unfinished = turns.findLast(({ status }) => status === 'streaming');
  useEffect(() => {
    if (unfinished && conversation) void turnRequestFor(client, conversation).resume(unfinished);
  }, [unfinished, conversation, client]);

  const askFor = (turn: Turn, input: TurnInput) => {
    setStartFailure(null);
    if (conversation) void turnRequestFor(client, conversation).ask(turn.question, input);
  };
  const ask = async (question: string) => {
    setStartFailure(null);
    if (conversation) return turnRequestFor(client, conversation).ask(question);
    try {
      const made = await call('POST /v1/chat/conversations', { body: { brain_id: brain, title: titleOf(question) } });
      client.setQueryData<TurnPages>(keys.turns(made.id), {
        pages: [{ data: [], next_cursor: null }],
        pageParams: [''],
      });
      upsert(client, keys.conversations(brain), made);
      void turnRequestFor(client, made.id).ask(question);
      navigate(`/b/${brain}/c/${made.id}`);
    } catch (error) {
      setStartFailure({ question, error: error instanceof ApiError ? error : unreachable() });
    }
  };

  const started = turns.length > 0 || (asking !== null && asking.phase !== 'refused');
  const refused = asking?.phase === 'refused' ? { question: asking.question, error: asking.error } : startFailure;
  return (
    <section aria-labelledby="chat-title" className="pane-chat flex flex-col bg-bg">
      <ConversationBar brain={brain} conversation={conversation} />
      {turnsQuery.error && turns.length === 0 && !asking ? (
        <div className="flex-1">
          <LoadError error={turnsQuery.error} onRetry={() => void turnsQuery.refetch()} />
        </div>
      ) : conversation && turnsQuery.isPending && !asking ? (
        <div className="flex-1">
          <Skeleton rows={3} className="h-16" />
        </div>
      ) : started ? (
        <Transcript
          turns={turns}
          asking={asking}
          turnRequest={turnRequest}
          source={source}
          onOpen={onOpen}
          onAsk={askFor}
          earlier={turnsQuery.hasNextPage ? () => void turnsQuery.fetchNextPage() : null}
        />
      ) : (
        <EmptyChat
          documents={documents?.length ?? null}
          mayAsk={me?.role !== 'viewer'}
          onAsk={(question) => void ask(question)}
        />
      )}
      <Composer
        key={conversation ?? 'new'}
        draftKey={`draft-${conversation ?? brain}`}
        busy={asking !== null && asking.phase !== 'refused'}
        stoppable={asking !== null && !['waiting', 'held', 'refused'].includes(asking.phase)}
        arrived={asking?.turn != null}
        refused={refused ?? null}
        maxCharacters={me?.limits.question_characters_max ?? 8000}
        mayAsk={me?.role !== 'viewer'}
        onAsk={(question) => void ask(question)}
        onStop={() => void turnRequest.stop()}
        onForget={() => {
          setStartFailure(null);
          if (asking?.phase === 'refused') turnRequest.cancel();
        }}
      />
    </section>
  );
}

/** The first line of the first question, cut at a word. */
export function titleOf(question: string): string {
  const line = question.trim().split('\n', 1)[0] ?? '';
  if (line.length <= 80) return line;
  return `${line.slice(0, 80).replace(/\s+\S*$/, '')}…`;
}
