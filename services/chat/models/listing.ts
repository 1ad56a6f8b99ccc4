/** Which brains can be asked, as OpenAI's clients list models, and which models a brain may be answered by. */
import { id } from '../../shared/contract/common.ts';
import { routes } from '../../shared/contract/routes.ts';
import { serve } from '../../shared/http/http.ts';
import { notFound, ProblemError } from '../../shared/http/problem.ts';
import { extractiveName, modelsOfTenant } from '../../shared/models/allowed-models.ts';
import type { ChatContext } from '../context.ts';

/** OpenAI's list has no pages. More brains than anybody picks from; older ones are asked by their id all the same. */
const brainsMax = 1000;

export function serveModelLists({ app, db, models: configured }: ChatContext): void {
  const brainsOf = (tenantId: string) =>
    db
      .selectFrom('brains')
      .select(['id', 'name', 'created_at'])
      .where('tenant_id', '=', tenantId)
      .where('deleted_at', 'is', null);

  serve(app, routes.listModels, async ({ identity }) => {
    const brains = await brainsOf(identity.tenantId).orderBy('id', 'desc').limit(brainsMax).execute();
    return { object: 'list' as const, data: brains.map(toBrainModel) };
  });

  serve(app, routes.getModel, async ({ identity, params }) => {
    const brainId = brainOf(params.model);
    const brain = await brainsOf(identity.tenantId).where('id', '=', brainId).executeTakeFirst();
    if (!brain) throw notFound('brain', brainId);
    return toBrainModel(brain);
  });

  serve(app, routes.listAnswerModels, async ({ identity }) => {
    const { models_allowed } = await db
      .selectFrom('tenants')
      .select('models_allowed')
      .where('id', '=', identity.tenantId)
      .executeTakeFirstOrThrow();
    const names = new Set(
      modelsOfTenant(
        configured.map(({ name }) => name),
        models_allowed,
      ),
    );
    const models = configured
      .filter(({ name }) => names.has(name))
      .map(({ name, contextTokens, price }) => ({
        id: name,
        object: 'model' as const,
        kind: 'model' as const,
        owned_by: 'environment',
        context_tokens: contextTokens,
        usd_per_million_tokens: price,
      }));
    return { object: 'list' as const, data: [...models, extractive] };
  });
}

const extractive = {
  id: extractiveName,
  object: 'model',
  kind: 'extractive',
  owned_by: 'bulkhead',
  context_tokens: null,
  usd_per_million_tokens: { in: 0, out: 0 },
} as const;

/** @throws ProblemError `not-found` */
export function brainOf(model: string): string {
  const brain = id.safeParse(model.replace(/^brain:/, ''));
  if (!model.startsWith('brain:') || !brain.success)
    throw new ProblemError('not-found', `The model is '${model}', allowed is 'brain:' and the id of a brain.`, {
      errors: [{ path: 'body/model', message: 'must be an id of GET /v1/models' }],
    });
  return brain.data;
}

const toBrainModel = ({ id, name, created_at }: { id: string; name: string; created_at: Date }) => ({
  id: `brain:${id}`,
  object: 'model' as const,
  created: Math.floor(created_at.getTime() / 1000),
  owned_by: 'bulkhead',
  name,
});
