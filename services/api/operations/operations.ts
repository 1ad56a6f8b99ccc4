/** `/v1/operations`: for the owner of the installation. */
import { routes } from '../../shared/contract/routes.ts';
import { serve } from '../../shared/http/http.ts';
import { toScheduledTask } from '../../shared/jobs/scheduled-tasks.ts';
import type { Api } from '../context.ts';

export function serveOperations({ app, db }: Api): void {
  serve(app, routes.listScheduled, async () => {
    const rows = await db.selectFrom('scheduled_tasks').selectAll().orderBy('name').execute();
    return { data: rows.map((row) => toScheduledTask(row, Date.now())) };
  });
}
