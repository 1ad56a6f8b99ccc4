/** Which brains can be asked, as OpenAI's clients list models, and which models a brain may be answered by. */
import { routes } from '../../shared/contract/routes.ts';
import { serve } from '../../shared/http/http.ts';
import { extractiveName, modelsOfTenant } from '../../shared/models/allowed-models.ts';
import type { ChatContext } from '../context.ts';

/** OpenAI's list has no pages. More brains than anybody picks from; older ones are asked by their id all the same. */
const brainsMax = 1000;

export function serveModelLists({ app, db, models }: ChatContext): void {
  serve(app, routes.listModels, async ({ identity }) => {
    const brains = await db
      .selectFrom('brains')
      .select(['id', 'name', 'created_at'])
      .where('tenant_id', '=', identity.tenantId)
      .where('deleted_at', 'is', null)
      .orderBy('id', 'desc')
      .limit(brainsMax)
      .execute();
    return { object: 'list' as const, data: brains.map(toBrainModel) };
  });

  serve(app, routes.listAnswerModels, async ({ identity }) => {
    const { models_allowed } = await db
      .selectFrom('tenants')
      .select('models_allowed')
      .where('id', '=', identity.tenantId)
      .executeTakeFirstOrThrow();
    const allowed = modelsOfTenant(models, models_allowed).map((id) => ({
      id,
      object: 'model' as const,
      kind: 'model' as const,
      owned_by: 'environment',
    }));
    const extractive = { id: extractiveName, object: 'model', kind: 'extractive', owned_by: 'bulkhead' } as const;
    return { object: 'list' as const, data: [...allowed, extractive] };
  });
}

const toBrainModel = ({ id, name, created_at }: { id: string; name: string; created_at: Date }) => ({
  id: `brain:${id}`,
  object: 'model' as const,
  created: Math.floor(created_at.getTime() / 1000),
  owned_by: 'bulkhead',
  name,
});
