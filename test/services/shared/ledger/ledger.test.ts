/** Entries of the ledger: written once, never changed, of every kind that the code knows. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sql } from 'kysely';
import { uuidv7 } from 'uuidv7';
import {
  type EntryKind,
  entryOf,
  entryUnits,
  recordEntries,
  recordEntriesSql,
  usageOfJobs,
} from '../../../../services/shared/ledger/ledger.ts';
import { type Database, openDatabase } from '../../../../services/shared/postgres/database.ts';
import { startServices, type TestServices } from '../../../support/stores.ts';

const kinds = Object.keys(entryUnits) as EntryKind[];
const tenantId = uuidv7();
let services: TestServices;
let db: Database;
let close: () => Promise<void>;
beforeAll(async () => {
  services = await startServices();
  await services.query(`insert into tenants (id, name, slug) values ($1, 'T', $2)`, [tenantId, tenantId]);
  // As the tier that adds most.
  const url = services.databaseUrlOf('document-worker');
  ({ db, close } = openDatabase({ url, connectionsMax: 1, log: services.log }));
});
afterAll(async () => {
  await close?.();
  await services.close();
});

test('a key says what its entry is for: two of different things never share one', () => {
  const thing = fc.tuple(
    fc.constantFrom('answer', 'pages', 'vectors' as const),
    fc.uuid(),
    fc.array(fc.nat(9), { maxLength: 2 }),
    fc.constantFrom(...kinds),
  );
  fc.assert(
    fc.property(thing, thing, (a, b) => {
      const same = JSON.stringify(a) === JSON.stringify(b);
      expect(entryOf(...a, 1).key === entryOf(...b, 1).key).toBe(same);
    }),
  );
});

test('every kind has its place, with its cost; written twice it stands once', async () => {
  const jobId = uuidv7();
  const entries = kinds.map((kind, index) => entryOf('vectors', jobId, [1], kind, 10 + index, 0.25));
  for (const _twice of [1, 2]) await recordEntries(db, { tenantId, brainId: null, jobId }, entries);
  expect(await usageOfJobs(db, [jobId])).toEqual(
    new Map([[jobId, { pages: 11, tokens_in: 12 + 13, tokens_out: 14, cost_usd: 0.25 * kinds.length }]]),
  );
});

test('a job that used something without a known price has no cost, and not 0', async () => {
  const jobId = uuidv7();
  const of = { tenantId, brainId: null, jobId };
  await recordEntries(db, of, [entryOf('pages', jobId, ['1'], 'pages', 3, 0.25)]);
  expect((await usageOfJobs(db, [jobId])).get(jobId)?.cost_usd).toBe(0.25);
  await recordEntries(db, of, [entryOf('vectors', jobId, ['1'], 'embedding_tokens', 70, null)]);
  expect((await usageOfJobs(db, [jobId])).get(jobId)).toEqual({
    pages: 3,
    tokens_in: 70,
    tokens_out: 0,
    cost_usd: null,
  });
});

test('as part of a statement, entries stand once for the row that they belong to, or not at all', async () => {
  const [turnId, other] = [uuidv7(), uuidv7()];
  const of = {
    tenantId: sql`row.tenant::uuid`,
    brainId: sql`null::uuid`,
    turnId: sql`row.turn::uuid`,
    keyId: sql`null::uuid`,
  };
  const entries = [
    entryOf('answer', turnId, [], 'model_tokens_in', 70, 0.5),
    // Nothing was used: no entry.
    entryOf('answer', turnId, [], 'model_tokens_out', 0),
  ];
  const row = (turn: string, there: boolean) =>
    sql`(select ${tenantId} as tenant, ${turn} as turn where ${there}) as row`;
  for (const _twice of [1, 2]) await recordEntriesSql(of, row(turnId, true), entries).execute(db);
  await recordEntriesSql(of, row(other, false), [entryOf('answer', other, [], 'question', 1)]).execute(db);
  const found = await db
    .selectFrom('ledger')
    .select(['kind', 'amount', 'cost_usd'])
    .where('turn_id', 'in', [turnId, other])
    .execute();
  expect(found).toEqual([{ kind: 'model_tokens_in', amount: 70, cost_usd: 0.5 }]);
});

test.each(['api', 'chat', 'document-worker'] as const)('%s changes and removes no entry', async (tier) => {
  const as = openDatabase({ url: services.databaseUrlOf(tier), connectionsMax: 1, log: services.log });
  try {
    for (const statement of ['update ledger set amount = 0', 'delete from ledger', 'truncate ledger'])
      await expect(sql.raw(statement).execute(as.db)).rejects.toThrow('permission denied for table ledger');
  } finally {
    await as.close();
  }
});
