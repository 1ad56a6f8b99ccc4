/** What stands in a brain's table, read past the vectorstore. */
import { fileURLToPath } from 'node:url';
import { expect } from '@jest/globals';
import { connect } from '@lancedb/lancedb';
import { chunkPage } from '../../../../services/document-worker/index/chunk-page.ts';
import type { Bench } from '../fixture.ts';

export async function vectorRows(
  { services, tenantId, brainId }: Pick<Bench, 'services' | 'tenantId' | 'brainId'>,
  documentId: string,
): Promise<{ id: string; text: string }[]> {
  const folder = fileURLToPath(services.documentStoreUrl);
  const connection = await connect(`${folder}/tenants/${tenantId}/brains/${brainId}/`);
  try {
    const table = await connection.openTable('chunks');
    const rows = await table.query().where(`document_id = '${documentId}'`).select(['id', 'text']).toArray();
    return rows.map(({ id, text }) => ({ id, text })).sort((a, b) => (a.id < b.id ? -1 : 1));
  } finally {
    connection.close();
  }
}

/** The vectors of a document are its chunks: none is missing, none stands twice, nothing else is there. */
export async function expectConserved(bench: Bench, documentId: string): Promise<number> {
  const line = ({ id, text }: { id: string; text: string }) => `${id} ${text.slice(0, 40)}`;
  const chunks = (await bench.pages(documentId)).flatMap(({ page_number, text }) =>
    chunkPage(text).map((chunk) => line({ id: `${documentId}:${page_number}:${chunk.start}`, text: chunk.text })),
  );
  const rows = (await vectorRows(bench, documentId)).map(line);
  const [wanted, there] = [new Set(chunks), new Set(rows)];
  expect({
    chunks: rows.length,
    missing: chunks.filter((chunk) => !there.has(chunk)).length,
    twice: rows.length - there.size,
    foreign: rows.filter((row) => !wanted.has(row)).length,
  }).toEqual({ chunks: chunks.length, missing: 0, twice: 0, foreign: 0 });
  return rows.length;
}
