/** A conversation as Markdown: questions quoted, answers as they are, each followed by its sources. */
import type { Selectable } from 'kysely';
import type { Turn } from '../../shared/contract/chat.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { Conversations } from '../../shared/postgres/tables.ts';
import { toTurns } from '../turns/turn-store.ts';

/** Held at a time: an answer with its quotes has about 20 kB. */
const turnsPerFetch = 50;

/** Oldest first, as it is read. A long conversation is written as it is fetched. */
export async function* exported(db: Database, conversation: Selectable<Conversations>): AsyncGenerator<string> {
  yield heading(conversation.title, conversation.created_at);
  let after: string | null = null;
  for (;;) {
    const rows = await turnsAfter(db, conversation.id, after);
    for (const turn of await toTurns(db, rows)) yield turnMarkdown(turn);
    after = rows.at(-1)?.id ?? null;
    if (rows.length < turnsPerFetch) return;
  }
}

const turnsAfter = (db: Database, conversationId: string, after: string | null) =>
  db
    .selectFrom('turns')
    .selectAll()
    .where('conversation_id', '=', conversationId)
    .$if(after !== null, (all) => all.where('id', '>', after as string))
    .orderBy('id')
    .limit(turnsPerFetch)
    .execute();

const heading = (title: string, startedAt: Date) =>
  `# ${plain(title) || 'Conversation'}\n\nStarted ${startedAt.toISOString()}\n`;

export function turnMarkdown(turn: Turn): string {
  const parts = [
    `## ${turn.continues ? 'The answer goes on' : 'Question'}, ${turn.created_at}`,
    turn.question.replace(/^/gm, '> '),
    turn.answer || '*No answer is kept.*',
    endOf(turn),
    sources(turn),
  ];
  return `\n${parts.filter(Boolean).join('\n\n')}\n`;
}

function endOf({ status, finish_reason }: Turn): string {
  if (finish_reason === 'length') return "*The answer was cut at the model's limit.*";
  if (finish_reason === 'content_filter') return "*The model's provider held back the rest of this answer.*";
  if (status === 'streaming') return '*The answer was under way.*';
  return status === 'done' ? '' : `*The answer was ${status}.*`;
}

function sources({ citations, answered }: Turn): string {
  if (citations.length === 0) return '';
  const lines = citations.map(({ n, document_name, page_number, quote, deleted }) =>
    deleted
      ? `- [${n}] a deleted document`
      : `- [${n}] ${plain(document_name)}, page ${page_number}: “${plain(quote)}”`,
  );
  return `${answered === false ? 'Nearest passages' : 'Sources'}:\n\n${lines.join('\n')}`;
}

/** One line of text that Markdown takes for nothing else: names and quotes are from documents of anybody. */
const plain = (text: string) =>
  text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\\`*_[\]<>#|~!]/g, '\\$&');
