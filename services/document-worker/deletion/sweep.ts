/**
 * Rows and stored files that have lost each other, a part of them every hour. A folder that no row names is what an upload
 * left whose end nobody knew; it is removed. A document whose file is missing says so in its job; the same bytes, uploaded
 * again, bring it back (api/missing-object.ts).
 */
import { loseFile } from '../../shared/jobs/background-jobs.ts';
import type { Logger } from '../../shared/log.ts';
import type { Database } from '../../shared/postgres/database.ts';
import { type DocumentStore, isMissing } from '../../shared/storage/document-store.ts';
import { brainPrefix, brainsPrefix, documentPrefix, documentsPrefix } from '../../shared/storage/object-keys.ts';
import { goOn, placeOf, zeroId } from './sweep-place.ts';

export interface SweepContext {
  readonly db: Database;
  readonly store: DocumentStore;
  readonly log: Logger;
}

/** Longer than any upload takes, and than the day for which its key is remembered. */
const ageMsMin = 24 * 3600 * 1000;
/** Of one run, so that deletions need not wait long behind it; a listing has 1,000 folders, a look at a file is a request. */
const foldersMax = 5000;
const filesMax = 2000;
const batchMax = 500;
const atOnce = 8;
/**
 * More strangers among so many mean that store and database do not belong together (another bucket, a folder that is not
 * mounted, a backup of last month): nothing is touched then, and a person is told.
 */
const strangersMin = 10;
const tooMany = (strangers: number, of: number) => strangers >= strangersMin && strangers > of / 2;

export interface Swept {
  readonly foldersRemoved: number;
  /** Of brains that no row names: their vector tables. */
  readonly brainFoldersRemoved: number;
  readonly filesMissing: number;
}

export async function sweep(context: SweepContext, nowMs = Date.now()): Promise<Swept> {
  return {
    foldersRemoved: await sweepFolders(context, folderKinds.documents, nowMs),
    brainFoldersRemoved: await sweepFolders(context, folderKinds.brains, nowMs),
    filesMissing: await sweepRows(context, nowMs),
  };
}

interface FolderKind {
  readonly table: 'documents' | 'brains';
  /** Its place among the sweeps. */
  readonly place: string;
  readonly all: (tenant: string) => string;
  readonly one: (tenant: string, id: string) => string;
}

const folderKinds = {
  documents: { table: 'documents', place: 'folders', all: documentsPrefix, one: documentPrefix },
  brains: { table: 'brains', place: 'brain folders', all: brainsPrefix, one: brainPrefix },
} as const satisfies Record<string, FolderKind>;

/** @returns folders removed */
async function sweepFolders(context: SweepContext, kind: FolderKind, nowMs: number): Promise<number> {
  const { db, store } = context;
  const [tenantPlace = '', folderPlace = ''] = (await placeOf(db, kind.place)).split('/');
  let left = foldersMax;
  let removed = 0;
  for (const { id: tenantId } of await tenantsFrom(db, tenantPlace)) {
    let after = tenantId === tenantPlace ? folderPlace : '';
    let batch: string[] = [];
    const look = async () => {
      removed += await removeStrangers(context, kind, tenantId, batch, nowMs);
      batch = [];
    };
    for await (const folder of store.folders(kind.all(tenantId), after)) {
      after = folder;
      batch.push(folder);
      left -= 1;
      if (batch.length >= batchMax) await look();
      if (left > 0) continue;
      await look();
      await goOn(db, kind.place, `${tenantId}/${after}`);
      return removed;
    }
    await look();
  }
  await goOn(db, kind.place, '');
  return removed;
}

async function removeStrangers(
  { db, store, log }: SweepContext,
  { table, one }: FolderKind,
  tenantId: string,
  folders: readonly string[],
  nowMs: number,
): Promise<number> {
  // Ids carry the time at which their upload began.
  const old = folders.filter((id) => madeAtMs(id) < nowMs - ageMsMin);
  if (old.length === 0) return 0;
  const known = await db.selectFrom(table).select('id').where('id', 'in', old).execute();
  const ids = new Set(known.map(({ id }) => id));
  const strangers = old.filter((id) => !ids.has(id));
  if (tooMany(strangers.length, old.length)) {
    log.error(
      { tenantId, table, folders: old.length, unknown: strangers.length },
      'most stored folders have no row: is this the right database? None is removed',
    );
    return 0;
  }
  let removed = 0;
  for (const id of strangers) {
    const prefix = one(tenantId, id);
    let newestMs = 0;
    for await (const { modifiedAt } of store.list(prefix)) newestMs = Math.max(newestMs, modifiedAt.getTime());
    if (newestMs > nowMs - ageMsMin) continue;
    await store.deletePrefix(prefix);
    log.warn({ tenantId, table, id }, 'stored files without a row removed');
    removed += 1;
  }
  return removed;
}

/** @returns documents whose file is missing */
async function sweepRows(context: SweepContext, nowMs: number): Promise<number> {
  const { db, log } = context;
  let place = (await placeOf(db, 'rows')) || zeroId;
  let missing = 0;
  for (let left = filesMax; left > 0; left -= batchMax) {
    const rows = await db
      .selectFrom('documents')
      .select(['id', 'tenant_id', 'object_key'])
      .where('id', '>', place)
      .where('deleted_at', 'is', null)
      .where('created_at', '<', new Date(nowMs - ageMsMin))
      .orderBy('id')
      .limit(batchMax)
      .execute();
    const lost: typeof rows = [];
    for (let at = 0; at < rows.length; at += atOnce)
      lost.push(...(await keep(rows.slice(at, at + atOnce), (row) => isMissing(context.store, row.object_key))));
    if (tooMany(lost.length, rows.length))
      log.error(
        { documents: rows.length, missing: lost.length },
        'the files of most documents are missing: is this the right document store? None is marked',
      );
    else for (const { id, tenant_id } of lost) if (await tellMissing(context, tenant_id, id)) missing += 1;
    place = rows.at(-1)?.id ?? zeroId;
    if (rows.length < batchMax) {
      place = '';
      break;
    }
  }
  await goOn(db, 'rows', place);
  return missing;
}

async function keep<Item>(items: readonly Item[], wanted: (item: Item) => Promise<boolean>): Promise<Item[]> {
  const answers = await Promise.all(items.map(wanted));
  return items.filter((_, index) => answers[index]);
}

/** @returns whether its job says so since now */
async function tellMissing({ db, log }: SweepContext, tenantId: string, documentId: string): Promise<boolean> {
  const reported = await db.transaction().execute((trx) => loseFile(trx, documentId));
  if (reported) log.error({ tenantId, documentId }, 'the file of a document is missing');
  return reported;
}

const tenantsFrom = (db: Database, place: string) =>
  db
    .selectFrom('tenants')
    .select('id')
    .where('id', '>=', place || zeroId)
    .orderBy('id')
    .execute();

/** Of a UUIDv7 (RFC 9562, 5.7). What is none was not made by us and is left alone. */
function madeAtMs(id: string): number {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/.test(id)
    ? Number.parseInt(id.replace('-', '').slice(0, 12), 16)
    : Number.POSITIVE_INFINITY;
}
