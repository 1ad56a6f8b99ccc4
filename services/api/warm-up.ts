/** The way of a simple call, with a session that nobody has: the cookie, the database, the answer. */
import { nobody, nobodysCookie, visit } from '../shared/visit.ts';
import type { Api } from './context.ts';

export async function warmUp({ app, db, settings }: Pick<Api, 'app' | 'db' | 'settings'>): Promise<void> {
  await db.selectFrom('brains').selectAll().where('tenant_id', '=', nobody).orderBy('id').limit(1).execute();
  await visit(app, { path: '/v1/brains', headers: { cookie: nobodysCookie(settings) } });
}
