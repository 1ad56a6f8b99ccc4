/**
 * Pages against the chunks that search finds: all of the text once, none of what was deleted; every chunk with its vector,
 * unless vectors are still to come. Read-only.
 */
import type { Selectable } from 'kysely';
import type { PageResult } from '../../shared/contract/page.ts';
import type { StoredChunk } from '../../shared/contract/vectorstore.ts';
import type { Embedding } from '../../shared/models/embedding.ts';
import type { Database } from '../../shared/postgres/database.ts';
import type { Documents } from '../../shared/postgres/tables.ts';
import { type DocumentStore, NotInStoreError } from '../../shared/storage/document-store.ts';
import { readPageResults } from '../../shared/storage/page-results.ts';
import { openSections } from '../index/open-sections.ts';
import { edgeRanges } from '../index/sections.ts';
import type { DocumentTarget, Vectors } from '../index/vectors.ts';
import type { Finding } from './finding.ts';

/** What is read of the vectorstore. */
export type StoredChunks = Pick<Vectors, 'documentsOf' | 'chunksOf'>;

/** Pages compared at once: bounds an answer of the vectorstore at about a megabyte. */
const pagesAtOnce = 100;

export async function checkVectors(db: Database, store: DocumentStore, stored: StoredChunks): Promise<Finding[]> {
  const findings: Finding[] = [];
  const brains = await db.selectFrom('brains').select(['id', 'tenant_id', 'deleted_at']).orderBy('id').execute();
  for (const brain of brains) {
    const target = { tenantId: brain.tenant_id, brainId: brain.id };
    const withChunks = new Set(await stored.documentsOf(target));
    const documents = await documentsWithJobs(db, brain.id);
    for (const { id, status, stage, ...row } of documents) {
      const document = { ...target, documentId: id };
      // What is being indexed, or read again, is between two states.
      const searchable = status === 'succeeded' || status === 'partial';
      if (searchable) findings.push(...(await compareDocument(db, store, stored, document, vectorsOf(row))));
      else if (withChunks.has(id) && stage !== 'indexing' && status === 'canceled')
        findings.push({ kind: 'left over', says: 'a canceled document can be found by a search', subject: id });
      withChunks.delete(id);
    }
    for (const id of withChunks)
      findings.push({ kind: 'left over', says: 'the text of a deleted document is still in the vectors', subject: id });
  }
  return findings;
}

/** Null: nothing is said of its vectors, or some are still to come. */
const vectorsOf = (
  row: Pick<Selectable<Documents>, 'vectors_pending' | 'vectors_model' | 'vectors_dimensions'>,
): Embedding | null =>
  row.vectors_pending || row.vectors_model === null || row.vectors_dimensions === null
    ? null
    : { model: row.vectors_model, dimensions: row.vectors_dimensions };

async function compareDocument(
  db: Database,
  store: DocumentStore,
  stored: StoredChunks,
  document: Omit<DocumentTarget, 'epoch'>,
  embedding: Embedding | null,
) {
  const findings: Finding[] = [];
  const { places: rows, layout } = await openSections({ db, store }, document.documentId);
  for (let at = 0; at < rows.length; at += pagesAtOnce) {
    const window = rows.slice(at, at + pagesAtOnce);
    const [first, last] = [window[0]?.page_number ?? 1, window.at(-1)?.page_number ?? 1];
    const found = await stored.chunksOf(document, first, last, embedding);
    const chunks = Map.groupBy(found, ({ page_number }) => page_number);
    const without = embedding ? found.filter(({ has_vector }) => !has_vector) : [];
    if (without.length > 0)
      findings.push({
        kind: 'missing',
        says: 'a document is said to have all its vectors, and chunks have none',
        subject: document.documentId,
        detail: `${without.length} chunks of pages ${first} to ${last}, the first is '${without[0]?.id}'`,
      });
    const wanted = new Set(window.map(({ page_number }) => page_number));
    // One object that is gone must not hide what the others hold.
    for (const places of Map.groupBy(window, ({ object_key }) => object_key).values())
      try {
        for await (const page of readPageResults(store, places))
          if (wanted.delete(page.page_number))
            findings.push(
              ...comparePage(document.documentId, page, chunks.get(page.page_number) ?? [], edgeRanges(page, layout)),
            );
      } catch (error) {
        if (!(error instanceof NotInStoreError)) throw error;
      }
    for (const page of wanted)
      findings.push({
        kind: 'missing',
        says: 'the result of a page cannot be read',
        subject: document.documentId,
        detail: `page ${page}`,
      });
  }
  return findings;
}

/**
 * Every character of the page that is not white space stands in exactly one chunk, and each chunk quotes the page. Pure.
 *
 * @param edges page headers and footers: in no chunk, or in one that was written by a build before
 */
export function comparePage(
  documentId: string,
  { page_number, text }: Pick<PageResult, 'page_number' | 'text'>,
  chunks: readonly Omit<StoredChunk, 'heading'>[],
  edges: readonly { readonly start: number; readonly end: number }[] = [],
): Finding[] {
  const finding = (kind: Finding['kind'], says: string, detail: string): Finding => ({
    kind,
    says,
    subject: documentId,
    detail: `page ${page_number}, ${detail}`,
  });
  const findings: Finding[] = [];
  let covered = 0;
  const gap = (to: number) => {
    const edgeless = edges.reduce(
      (left, { start, end }) => left.slice(0, start) + ' '.repeat(Math.max(0, end - start)) + left.slice(end),
      text,
    );
    if (edgeless.slice(covered, to).trim())
      findings.push(
        finding('missing', 'text of a page is in no chunk', `characters ${covered} to ${Math.min(to, text.length)}`),
      );
  };
  for (const chunk of [...chunks].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (chunk.text !== text.slice(chunk.start, chunk.end))
      findings.push(finding('contradiction', 'a chunk does not quote its page', `chunk '${chunk.id}'`));
    if (chunk.start < covered)
      findings.push(finding('twice', 'text of a page is in two chunks', `chunk '${chunk.id}'`));
    gap(chunk.start);
    covered = Math.max(covered, chunk.end);
  }
  gap(text.length);
  return findings;
}

/** Documents of a brain that are not deleted, with the job that last worked on each. */
const documentsWithJobs = (db: Database, brainId: string) =>
  db
    .selectFrom('documents')
    .leftJoin('jobs', (join) => join.onRef('jobs.document_id', '=', 'documents.id').on('jobs.kind', '=', 'ingest'))
    .distinctOn('documents.id')
    .select(['documents.id', 'jobs.status', 'jobs.stage'])
    .select(['vectors_pending', 'vectors_model', 'vectors_dimensions'])
    .where('documents.brain_id', '=', brainId)
    .where('documents.deleted_at', 'is', null)
    .orderBy('documents.id')
    .orderBy('jobs.id', 'desc')
    .execute();
