import type { Transaction } from 'kysely';
import { notFound } from '../http/problem.ts';
import type { Database } from './database.ts';
import type { Tables } from './tables.ts';

/** A brain of the tenant, with the models that the tenant may use. @throws ProblemError `not-found`, also for a deleted one */
export async function findBrain(db: Database | Transaction<Tables>, tenantId: string, brainId: string) {
  const brain = await db
    .selectFrom('brains')
    .innerJoin('tenants', 'tenants.id', 'brains.tenant_id')
    .selectAll('brains')
    .select('tenants.models_allowed')
    .where('brains.id', '=', brainId)
    .where('brains.tenant_id', '=', tenantId)
    .where('brains.deleted_at', 'is', null)
    .executeTakeFirst();
  if (!brain) throw notFound('brain', brainId);
  return brain;
}
