/** The way of a simple call: the session, the rate limit, the database, the answer. */

import { visit } from '../shared/warm-up/self-request.ts';
import { withGuest } from '../shared/warm-up/synthetic-tenant.ts';
import type { Api } from './context.ts';

export async function warmUp({ app, db, settings }: Pick<Api, 'app' | 'db' | 'settings'>): Promise<void> {
  await withGuest(db, settings, ({ headers }) => visit(app, { path: '/v1/brains', headers }));
}
