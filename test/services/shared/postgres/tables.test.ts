/** tables.ts is generated; this keeps it the picture of a migrated database, without what is retired. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startServices } from '../../../support/stores.ts';

let services: Awaited<ReturnType<typeof startServices>>;
beforeAll(async () => {
  services = await startServices();
});
afterAll(() => services?.close());

test('tables.ts names every column of every table, and no other', async () => {
  const rows = (await services.query(
    `select table_name, column_name, is_nullable from information_schema.columns where table_schema = 'public'
       and coalesce(obj_description(to_regclass(table_name)), '') not like 'retired:%'`,
  )) as { table_name: string; column_name: string; is_nullable: string }[];
  const inDatabase = rows.map((row) => `${row.table_name}.${row.column_name}${row.is_nullable === 'YES' ? '?' : ''}`);
  expect(declared().sort()).toEqual(inDatabase.sort());
});

/** `table.column`, with `?` where it may be null. */
function declared(): string[] {
  const text = readFileSync(join(import.meta.dirname, '../../../../services/shared/postgres/tables.ts'), 'utf8');
  const bodies = new Map(
    [...text.matchAll(/export interface (\w+) \{([^}]*)\}/g)].map(([, name, body]) => [name, body]),
  );
  const tables = [...(bodies.get('Tables') ?? '').matchAll(/(\w+): (\w+);/g)];
  return tables.flatMap(([, table, type]) =>
    [...(bodies.get(type) ?? '').matchAll(/(\w+): ([^;]+);/g)].map(
      ([, column, kind]) => `${table}.${column}${kind?.includes('| null') ? '?' : ''}`,
    ),
  );
}
