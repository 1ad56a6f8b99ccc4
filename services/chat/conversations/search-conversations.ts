/**
 * Conversations with a word in their title, questions or answers. The texts themselves are looked through, a bounded number
 * of conversations per request: an index of words would be a second copy of what erasure must find, and knows no Korean.
 */
import type { Selectable } from 'kysely';
import type { Identity } from '../../shared/auth/identity.ts';
import { cursorAfter, cutPage } from '../../shared/http/keyset.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { Conversations } from '../../shared/postgres/tables.ts';
import { ownConversation } from '../context.ts';

export interface ConversationSearch {
  readonly brain_id: string;
  readonly search: string;
  readonly limit: number;
  /** The last conversation of the page before; null: from the newest. */
  readonly before: string | null;
}

/** Looked through per request: with five answers of 3,000 characters each about 3 MB, 0.1 s of PostgreSQL on two busy CPUs. */
export const searchedMax = 200;
/** At a time. Each has one of the replica's ten connections for as long as it looks: answers need the rest. */
export const searchesMax = { callerMax: 2, tenantMax: 4, replicaMax: 6 };

/** The cursor goes on where this request stopped looking, so a page may hold less than there is. */
export async function searchConversations(
  db: Database,
  identity: Identity,
  { brain_id, search, limit, before }: ConversationSearch,
): Promise<{ readonly page: Selectable<Conversations>[]; readonly next_cursor: string | null }> {
  const looked = await db
    .selectFrom('conversations')
    .select('id')
    .where(ownConversation(identity))
    .where('brain_id', '=', brain_id)
    .$if(before !== null, (all) => all.where('id', '<', before as string))
    .orderBy('id', 'desc')
    .limit(searchedMax)
    .execute();
  if (looked.length === 0) return { page: [], next_cursor: null };
  const pattern = `%${search.replace(/[\\%_]/g, '\\$&')}%`;
  const rows = await db
    .selectFrom('conversations')
    .selectAll()
    .where(
      'id',
      'in',
      looked.map(({ id }) => id),
    )
    .where((eb) =>
      eb.or([
        eb('title', 'ilike', pattern),
        eb.exists(
          eb
            .selectFrom('turns')
            .select('turns.id')
            .whereRef('turns.conversation_id', '=', 'conversations.id')
            .where((turn) => turn.or([turn('question', 'ilike', pattern), turn('answer', 'ilike', pattern)])),
        ),
      ]),
    )
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  const { page, next_cursor } = cutPage(rows, limit);
  const last = looked.length === searchedMax ? looked.at(-1) : undefined;
  return { page, next_cursor: next_cursor ?? (last ? cursorAfter(last.id) : null) };
}
