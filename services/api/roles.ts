/**
 * What each tier may do in PostgreSQL: a role per tier, with exactly these privileges. Applied, as the owner, after the
 * migrations of every rollout; a table that is not here does not compile.
 */
import pg from 'pg';
import { databaseRole, type ServiceName, serviceNames, type services, usesStore } from '../manifest.ts';
import { connectTimeoutMs } from '../shared/postgres/database-options.ts';
import type { Tables } from '../shared/postgres/tables.ts';

export type DatabaseTier = {
  [Name in ServiceName]: 'postgres' extends (typeof services)[Name]['uses'][number] ? Name : never;
}[ServiceName];

export const databaseTiers = serviceNames.filter((name): name is DatabaseTier => usesStore(name, 'postgres'));

const all = 'select, insert, update, delete';
/** Finds and removes what has run out, and reads no more of it. */
const purge = (column: string) => `select (ctid, ${column}), delete`;

/** To lock a row, as quotas do, PostgreSQL wants the right to change some column: one that says nothing. */
const lock = 'update (created_at)';

export const tablePrivileges: Readonly<Record<keyof Tables, Readonly<Partial<Record<DatabaseTier, string>>>>> = {
  // Who somebody is: written by the api alone. Chat checks keys and, by session_of, the session whose token it was shown.
  accounts: { api: all },
  verifications: { api: all, 'document-worker': purge('expires_at') },
  sign_in_links: { api: all, 'document-worker': purge('expires_at') },
  people: { api: all },
  sessions: { api: all, 'document-worker': purge('expires_at') },
  members: { api: all, chat: 'select' },
  tenants: { api: all, chat: `select, ${lock}`, 'document-worker': `select, ${lock}` },
  api_keys: {
    api: all,
    chat: 'select, update (last_used_at)',
    'document-worker': 'select (id, pages_per_day_max, questions_per_day_max, tokens_per_day_max, usd_per_day_max)',
  },
  // What they own.
  brains: { api: all, chat: 'select', 'document-worker': all, vectorstore: 'select' },
  documents: { api: all, chat: 'select', 'document-worker': all, vectorstore: 'select' },
  jobs: { api: all, chat: 'select', 'document-worker': all, vectorstore: 'select' },
  pages: { api: all, 'document-worker': all },
  parser_calls: { 'document-worker': all },
  conversations: { api: 'select, delete', chat: all, 'document-worker': 'select, update, delete' },
  turns: { api: 'select', chat: all, 'document-worker': 'select, update, delete' },
  turn_events: { api: 'select', chat: all, 'document-worker': 'select, update, delete' },
  // What is written down beside it.
  reservations: { api: 'select', chat: all, 'document-worker': all },
  environment_limits: { api: all, chat: 'select', 'document-worker': 'select' },
  // Only added to.
  ledger: { api: 'select', chat: 'select, insert', 'document-worker': 'select, insert' },
  events: { api: all, chat: 'select, insert', 'document-worker': 'select, insert, delete' },
  webhooks: { api: all, 'document-worker': 'select, update' },
  // The api makes them and reads none.
  webhook_secrets: {
    api: 'select (id, webhook_id, expires_at), insert, update (expires_at)',
    'document-worker': 'select, delete',
  },
  webhook_deliveries: { api: 'select, insert', 'document-worker': 'select, update, delete' },
  idempotency_keys: { api: all, chat: all, 'document-worker': 'select, delete' },
  sweeps: { 'document-worker': all },
  // Each replica writes of itself; whose figures they are says the tier's word alone.
  replica_minutes: {
    api: 'select, insert, update',
    chat: 'select, insert, update',
    vectorstore: 'select, insert, update',
    'document-worker': all,
  },
  scheduled_tasks: { api: 'select', 'document-worker': all },
  migrations: { api: 'select', chat: 'select', 'document-worker': 'select', vectorstore: 'select' },
};

/** Functions that run as the owner. */
const functions: Readonly<Record<string, readonly DatabaseTier[]>> = {
  session_of: ['api', 'chat'],
  create_synthetic_tenant: ['api', 'chat'],
  delete_synthetic_tenants: ['api', 'chat'],
  // Retired, and still called by replicas of the release before: 020_synthetic_tenants.sql.
  enter_guest: ['api', 'chat'],
  leave_guest: ['api', 'chat'],
};

/** The api orders background jobs, the document-worker runs them. graphile-worker keeps its tables to their owner. */
const queueTiers: readonly DatabaseTier[] = ['api', 'document-worker'];

/**
 * @param passwords of the roles; one without may not log in
 * @param lockTimeoutMs longest wait for a lock. @default it waits
 */
export async function applyRoles(
  ownerUrl: string,
  passwords: Readonly<Partial<Record<DatabaseTier, string>>>,
  lockTimeoutMs?: number,
): Promise<void> {
  const client = new pg.Client({
    connectionString: ownerUrl,
    connectionTimeoutMillis: connectTimeoutMs,
    lock_timeout: lockTimeoutMs,
  });
  // Its statements reject, too.
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query('begin');
    // Replicas that start together take turns.
    await client.query("select pg_advisory_xact_lock(hashtext('bulkhead roles'))");
    for (const tier of databaseTiers) await makeRole(client, databaseRole(tier), passwords[tier]);
    await client.query(privileges());
    await client.query('commit');
  } finally {
    await client.end();
  }
}

async function makeRole(client: pg.Client, role: string, password: string | undefined): Promise<void> {
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [role]);
  // Roles belong to the whole server: another database's migration may be making the same one.
  if (rowCount === 0)
    await client.query(`do $$ begin create role ${role}; exception when duplicate_object then null; end $$`);
  if (password !== undefined) await client.query(`alter role ${role} login password ${pg.escapeLiteral(password)}`);
}

/** Takes away what is there and gives what is declared, in one transaction: nobody ever sees a half. */
function privileges(): string {
  const roles = databaseTiers.map(databaseRole).join(', ');
  const queues = queueTiers.map(databaseRole).join(', ');
  return [
    `revoke all on all tables in schema public from ${roles}`,
    `revoke all on all functions in schema public from ${roles}`,
    ...Object.entries(tablePrivileges).flatMap(([table, byTier]) =>
      Object.entries(byTier).map(([tier, what]) => `grant ${what} on ${table} to ${databaseRole(tier)}`),
    ),
    ...Object.entries(functions).map(
      ([name, tiers]) => `grant execute on function ${name} to ${tiers.map(databaseRole).join(', ')}`,
    ),
    `grant usage on schema graphile_worker to ${queues}`,
    `grant all on all tables in schema graphile_worker to ${queues}`,
    `grant all on all sequences in schema graphile_worker to ${queues}`,
    `grant execute on all functions in schema graphile_worker to ${queues}`,
    `do $$ declare name text; begin
      for name in select relname from pg_class where relnamespace = 'graphile_worker'::regnamespace and relrowsecurity
      loop
        execute format('drop policy if exists tiers on graphile_worker.%I', name);
        execute format('create policy tiers on graphile_worker.%I to ${queues} using (true) with check (true)', name);
      end loop;
    end $$`,
  ].join(';\n');
}
