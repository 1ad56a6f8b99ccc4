/** What an application keeps of a conversation: a JSON document, replaced as a whole, that its answers know. */
import { sql } from 'kysely';
import type { ConversationState } from '../../shared/contract/chat.ts';
import { routes } from '../../shared/contract/routes.ts';
import { serve } from '../../shared/http/http.ts';
import { ProblemError } from '../../shared/http/problem.ts';
import { type ChatContext, ownConversation } from '../context.ts';
import { findConversation } from './conversations.ts';

export function serveConversationState({ app, db }: ChatContext): void {
  serve(app, routes.getConversationState, async ({ params, identity }) => {
    const { state, state_version } = await findConversation(db, identity, params.conversation);
    return { state: state as ConversationState['state'], version: state_version };
  });

  serve(app, routes.setConversationState, async ({ params, body, identity }) => {
    const written = await db
      .updateTable('conversations')
      .set({ state: JSON.stringify(body.state), state_version: sql`state_version + 1` })
      .where(ownConversation(identity))
      .where('id', '=', params.conversation)
      .where('state_version', '=', body.version)
      .returning(['state', 'state_version'])
      .executeTakeFirst();
    if (written) return { state: written.state as ConversationState['state'], version: written.state_version };
    const { state_version } = await findConversation(db, identity, params.conversation);
    throw new ProblemError(
      'conflict',
      `The version is ${body.version}, and the state has version ${state_version} now. Get it, and change that one.`,
    );
  });
}
