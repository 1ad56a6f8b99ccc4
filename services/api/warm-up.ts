/** The way of a simple call: the session, the rate limit, the database, the answer. */
import { withGuest } from '../shared/guest.ts';
import { visit } from '../shared/visit.ts';
import type { Api } from './context.ts';

export async function warmUp({ app, db, settings }: Pick<Api, 'app' | 'db' | 'settings'>): Promise<void> {
  await withGuest(db, settings, ({ headers }) => visit(app, { path: '/v1/brains', headers }));
}
