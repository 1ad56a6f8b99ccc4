/** Rows against the object store: originals, page results, and what no row names. Read-only. */
import { sql } from 'kysely';
import type { Database } from '../../shared/postgres/database.ts';
import type { DocumentStore } from '../../shared/storage/document-store.ts';
import { documentOf, documentPrefix, tenantsPrefix } from '../../shared/storage/object-keys.ts';
import type { Finding } from './finding.ts';

/** An upload under way has an object before it has a row; the longest takes less. */
export const settledMs = 60 * 60_000;
/** Documents read at once: bounds memory, whatever an installation holds. */
const batch = 500;

/** Every document that is not deleted, in batches. */
export async function* documentsOf(db: Database) {
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const rows = await db
      .selectFrom('documents')
      .select(['id', 'tenant_id', 'brain_id', 'object_key', 'size_bytes'])
      .where('deleted_at', 'is', null)
      .where('id', '>', after)
      .orderBy('id')
      .limit(batch)
      .execute();
    yield* rows;
    const last = rows.at(-1);
    if (!last || rows.length < batch) return;
    after = last.id;
  }
}

export async function checkObjects(db: Database, store: DocumentStore, now = Date.now()): Promise<Finding[]> {
  const findings: Finding[] = [];
  for await (const document of documentsOf(db)) {
    const sizes = new Map<string, number>();
    for await (const { key, sizeBytes } of store.list(documentPrefix(document.tenant_id, document.id)))
      sizes.set(key, sizeBytes);
    const size = sizes.get(document.object_key);
    if (size === undefined)
      findings.push({
        kind: 'missing',
        says: 'the file of a document is not in the object store',
        subject: document.id,
        detail: document.object_key,
      });
    else if (size !== document.size_bytes)
      findings.push({
        kind: 'contradiction',
        says: 'the file of a document has another size',
        subject: document.id,
        detail: `stored ${size} bytes, uploaded ${document.size_bytes}`,
      });
    const named = await db
      .selectFrom('pages')
      .select('object_key')
      .distinct()
      .where('document_id', '=', document.id)
      .execute();
    for (const { object_key } of named)
      if (!sizes.has(object_key))
        findings.push({
          kind: 'missing',
          says: 'page results are not in the object store',
          subject: document.id,
          detail: object_key,
        });
  }
  for await (const orphan of orphans(db, store, now))
    findings.push({ kind: 'left over', says: 'an object belongs to no document', subject: orphan });
  return findings;
}

/** Keys under `tenants/` that belong to no document, named once per document. Vector tables are checked by brain. */
async function* orphans(db: Database, store: DocumentStore, now: number): AsyncGenerator<string> {
  let known = { id: '', there: false };
  for await (const { key, modifiedAt } of store.list(tenantsPrefix)) {
    const id = documentOf(key);
    if (!id || now - modifiedAt.getTime() < settledMs) continue;
    if (known.id !== id) {
      const { rows } = await sql`select from documents where id = ${id}`.execute(db);
      known = { id, there: rows.length > 0 };
      if (!known.there) yield key;
    }
  }
}
