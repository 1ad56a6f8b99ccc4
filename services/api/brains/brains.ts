/** Brains. */
import { sql } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { routes } from '../../shared/contract/routes.ts';
import { serve } from '../../shared/http/http.ts';
import { newestFirst } from '../../shared/http/keyset.ts';
import { notFound, ProblemError } from '../../shared/http/problem.ts';
import { recordEvent } from '../../shared/jobs/events.ts';
import { lockJobs, orderDeletion } from '../../shared/jobs/job-requests.ts';
import { orderReindex } from '../../shared/jobs/reindex-order.ts';
import { modelsOfTenant, requireAllowedModel } from '../../shared/models/allowed-models.ts';
import { modelNames } from '../../shared/models/configured-models.ts';
import { configuredEmbedding } from '../../shared/models/embedding.ts';
import { findBrain } from '../../shared/postgres/find-brain.ts';
import type { Api } from '../context.ts';
import { answerWithJob } from '../jobs/job-answers.ts';
import { selectBrains, toBrain, withDocuments } from './document-view.ts';

export function serveBrains(api: Api): void {
  const { app, db, settings } = api;
  const listed = modelNames(settings);
  const checkModel = async (tenantId: string, model: string | null | undefined) => {
    if (!model) return;
    const { models_allowed } = await db
      .selectFrom('tenants')
      .select('models_allowed')
      .where('id', '=', tenantId)
      .executeTakeFirstOrThrow();
    requireAllowedModel(modelsOfTenant(listed, models_allowed), model, 'bad-request');
  };

  serve(app, routes.createBrain, async ({ identity, body, reply }) => {
    await checkModel(identity.tenantId, body.model);
    const pinned = configuredEmbedding(settings);
    const row = await db.transaction().execute(async (trx) => {
      const made = await trx
        .insertInto('brains')
        .values({
          id: uuidv7(),
          tenant_id: identity.tenantId,
          ...body,
          embedding_model: pinned.model,
          embedding_dimensions: pinned.dimensions,
        })
        .returningAll()
        .executeTakeFirstOrThrow();
      await recordEvent(trx, { tenantId: identity.tenantId, event: 'brain', resourceId: made.id });
      return made;
    });
    reply.header('location', `/v1/brains/${row.id}`);
    return toBrain({ ...row, documents: 0 });
  });

  serve(app, routes.listBrains, async ({ identity, query }) => {
    const rows = selectBrains(db).where('tenant_id', '=', identity.tenantId);
    const { page, next_cursor } = await newestFirst(rows, query);
    return { data: page.map(toBrain), next_cursor };
  });

  serve(app, routes.getBrain, async ({ identity, params }) =>
    toBrain(await withDocuments(db, await findBrain(db, identity.tenantId, params.brain))),
  );

  serve(app, routes.patchBrain, async ({ identity, params, body }) => {
    await checkModel(identity.tenantId, body.model);
    const row = await db.transaction().execute(async (trx) => {
      await trx
        .updateTable('brains')
        .set({ ...body, updated_at: sql<Date>`now()` })
        .where('id', '=', params.brain)
        .where('tenant_id', '=', identity.tenantId)
        .where('deleted_at', 'is', null)
        .execute();
      const changed = await withDocuments(trx, await findBrain(trx, identity.tenantId, params.brain));
      await recordEvent(trx, { tenantId: identity.tenantId, event: 'brain', resourceId: changed.id });
      return changed;
    });
    return toBrain(row);
  });

  serve(app, routes.reindexBrain, async ({ identity: { tenantId }, params, reply }) => {
    await findBrain(db, tenantId, params.brain);
    if (!settings.EMBEDDING_URL)
      throw new ProblemError(
        'conflict',
        'No embedding is configured, so there is nothing to embed with: set EMBEDDING_URL, or place the embedding tier.',
      );
    const job = await db.transaction().execute(async (trx) => {
      const ordered = await orderReindex(trx, { tenantId, brainId: params.brain }, configuredEmbedding(settings));
      if (!ordered) throw notFound('brain', params.brain);
      await recordEvent(trx, { tenantId, event: 'brain', resourceId: params.brain });
      return ordered;
    });
    return answerWithJob(api, reply, job);
  });

  serve(app, routes.deleteBrain, async ({ identity, params, reply }) => {
    const { tenantId } = identity;
    const job = await db.transaction().execute(async (trx) => {
      await lockJobs(trx, { tenantId, brainId: params.brain });
      const gone = await trx
        .updateTable('brains')
        .set({ deleted_at: sql<Date>`now()` })
        .where('id', '=', params.brain)
        .where('tenant_id', '=', tenantId)
        .where('deleted_at', 'is', null)
        .returning('id')
        .executeTakeFirst();
      if (!gone) throw notFound('brain', params.brain);
      // Its documents are not worked on, listed or found any more; the job removes them.
      await trx
        .updateTable('documents')
        .set({ deleted_at: sql<Date>`now()` })
        .where('brain_id', '=', params.brain)
        .where('deleted_at', 'is', null)
        .execute();
      await recordEvent(trx, {
        tenantId,
        event: 'brain.deleted',
        resourceId: params.brain,
        data: { id: params.brain },
      });
      return orderDeletion(trx, { kind: 'delete_brain', tenantId, brainId: params.brain, documentId: null });
    });
    return answerWithJob(api, reply, job);
  });
}
