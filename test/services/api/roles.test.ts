/** What each tier may do in PostgreSQL, asked of a migrated database as the tier itself. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { applyRoles, type DatabaseTier, databaseTiers, tablePrivileges } from '../../../services/api/roles.ts';
import { databaseRole } from '../../../services/manifest.ts';
import { startServices, type TestServices } from '../../support/stores.ts';

let services: TestServices;
const clients = new Map<DatabaseTier, pg.Client>();
beforeAll(async () => {
  services = await startServices();
  for (const tier of databaseTiers) {
    const client = new pg.Client({ connectionString: services.databaseUrlOf(tier) });
    await client.connect();
    clients.set(tier, client);
  }
});
afterAll(async () => {
  for (const client of clients.values()) await client.end();
  await services.close();
});

/** Undefined when it is let, else PostgreSQL's word. */
const refusal = async (tier: DatabaseTier, sql: string): Promise<string | undefined> =>
  clients
    .get(tier)
    ?.query(sql)
    .then(
      () => undefined,
      (error: Error) => error.message,
    );

const verbs = ['select', 'insert', 'update', 'delete'] as const;

test('every table and tier: exactly what is declared, and nothing of what is retired', async () => {
  const tables = (await services.query(
    `select relname as name, coalesce(obj_description(oid), '') like 'retired:%' as retired
     from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1`,
  )) as { name: keyof typeof tablePrivileges; retired: boolean }[];
  const used = tables.filter(({ retired }) => !retired);
  expect(used.map(({ name }) => name)).toEqual(Object.keys(tablePrivileges).toSorted());
  for (const { name } of tables)
    for (const tier of databaseTiers) {
      const [row] = (await services.query(
        `select ${verbs.map((verb) => `has_table_privilege($1, $2, '${verb}') as ${verb}`).join(', ')},
           has_table_privilege($1, $2, 'truncate, references, trigger') as more`,
        [databaseRole(tier), name],
      )) as Record<string, boolean>[];
      const declared = tablePrivileges[name]?.[tier] ?? '';
      // A verb with columns behind it is none of the whole table.
      const whole = (verb: string) => new RegExp(`\\b${verb}\\b(?! \\()`).test(declared);
      expect({ name, tier, ...row }).toEqual({
        name,
        tier,
        ...Object.fromEntries(verbs.map((verb) => [verb, whole(verb)])),
        more: false,
      });
    }
});

describe('who somebody is stays with the api', () => {
  test.each(['chat', 'document-worker', 'vectorstore'] as const)(
    '%s reads no password, link, address or session',
    async (tier) => {
      for (const what of [
        'password from accounts',
        'value from verifications',
        'token_sha256 from sign_in_links',
        'email from people',
        'name from people',
        'email from invitations',
        // Whoever has it is that person.
        'token from sessions',
      ])
        expect(await refusal(tier, `select ${what}`)).toMatch(/^permission denied for table /);
      const asked = await refusal(tier, `select person_id from session_of('')`);
      if (tier === 'chat') expect(asked).toBeUndefined();
      else expect(asked).toMatch(/^permission denied for function session_of/);
    },
  );

  test('chat makes no session, person, member, key or tenant, and removes none', async () => {
    for (const table of ['sessions', 'people', 'members', 'api_keys', 'tenants', 'accounts']) {
      expect(await refusal('chat', `insert into ${table} default values`)).toMatch(/^permission denied for table/);
      expect(await refusal('chat', `delete from ${table}`)).toMatch(/^permission denied for table/);
    }
    expect(await refusal('chat', 'select id from tenants for no key update')).toBeUndefined();
    expect(await refusal('chat', `update tenants set suspended_at = now()`)).toMatch(/^permission denied for table/);
    expect(await refusal('chat', `update people set operator = true`)).toMatch(/^permission denied for table/);
    expect(await refusal('chat', `update api_keys set scopes = '{admin}'`)).toMatch(/^permission denied for table/);
  });

  test('chat checks keys', async () => {
    expect(await refusal('chat', `update api_keys set last_used_at = now() where id is null`)).toBeUndefined();
  });

  test('the person of a synthetic tenant is the only person that chat can make and remove', async () => {
    const [other] = (await services.query(
      `with t as (insert into tenants (id, name, slug) values (gen_random_uuid(), 'T', 't') returning id)
       insert into people (id, name, email) select id, 'P', 'p@example.com' from t returning id`,
    )) as { id: string }[];
    const synthetic = '0199c0de-0000-7000-8000-000000000000';
    const create = `select create_synthetic_tenant('${synthetic}', gen_random_uuid(), 'token', interval '1 minute', 'm', 'e', 8)`;
    expect(await refusal('chat', create)).toBeUndefined();
    expect(await refusal('chat', create)).toMatch(/duplicate key/);
    expect(
      await refusal('chat', `select delete_synthetic_tenants('${other?.id}', interval '1 minute')`),
    ).toBeUndefined();
    const left = async () => (await services.query('select id from people order by id')) as { id: string }[];
    expect((await left()).map(({ id }) => id)).toEqual([synthetic, other?.id].toSorted());
    expect(
      await refusal('chat', `select delete_synthetic_tenants('${synthetic}', interval '1 minute')`),
    ).toBeUndefined();
    expect((await left()).map(({ id }) => id)).toEqual([other?.id]);
    expect(await refusal('document-worker', create)).toMatch(/^permission denied for function create_synthetic_tenant/);
  });
});

test('nobody but the owner changes the schema, reads another’s role or becomes another', async () => {
  for (const tier of databaseTiers) {
    expect(await refusal(tier, 'create table t (id int)')).toMatch(/^permission denied for schema public/);
    expect(await refusal(tier, 'drop table turns')).toMatch(/^must be owner of table turns/);
    expect(await refusal(tier, 'set role postgres')).toMatch(/^permission denied to set role/);
    expect(await refusal(tier, 'create role r')).toMatch(/^permission denied to create role/);
  }
});

test('the queue of background jobs is for who orders and who runs them', async () => {
  const order = `select graphile_worker.add_job('nothing', '{}'::json)`;
  expect(await refusal('api', order)).toBeUndefined();
  expect(await refusal('document-worker', 'select * from graphile_worker._private_jobs')).toBeUndefined();
  expect(await refusal('chat', order)).toMatch(/^permission denied for schema graphile_worker/);
});

test('what a role had before and should not have is taken away', async () => {
  await services.query('grant all on accounts to bulkhead_chat');
  await services.query('grant select (password) on accounts to bulkhead_chat');
  expect(await refusal('chat', 'select password from accounts')).toBeUndefined();
  await applyRoles(services.databaseUrl, {});
  expect(await refusal('chat', 'select password from accounts')).toMatch(/^permission denied for table accounts/);
});
