/** The way of a simple call: the session, the rate limit, the database, the answer. */

import { selfRequest } from '../shared/warm-up/self-request.ts';
import { withSyntheticTenant } from '../shared/warm-up/synthetic-tenant.ts';
import type { Api } from './context.ts';

export async function warmUp({ app, db, settings }: Pick<Api, 'app' | 'db' | 'settings'>): Promise<void> {
  await withSyntheticTenant(db, settings, ({ headers }) => selfRequest(app, { path: '/v1/brains', headers }));
}
