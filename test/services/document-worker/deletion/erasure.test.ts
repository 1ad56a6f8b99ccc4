/** After a deletion that succeeded nothing of the document's text is left: rows, objects, old versions of tables. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import type { DocumentWorker } from '../../../../services/document-worker/app.ts';
import { pdfOf } from '../documents.ts';
import { type Bench, openBench } from '../fixture.ts';
import { expectConserved, vectorRows } from '../index/vector-rows.ts';

let bench: Bench;
let worker: DocumentWorker;
beforeAll(async () => {
  bench = await openBench();
  worker = await bench.startWorker();
});
afterAll(async () => {
  await worker.close(5000);
  await bench.close();
});

const ended = ({ finished_at }: { finished_at: Date | null }) => finished_at !== null;

const ingest = async (texts: string[]) => {
  const { jobId, documentId } = await bench.submit(await pdfOf(texts));
  expect(await bench.until(jobId, ended)).toMatchObject({ status: 'succeeded' });
  return documentId;
};

/** Every row of every table, as text. */
async function tablesHolding(text: string): Promise<string[]> {
  const tables = (await bench.services.query(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname in ('public', 'graphile_worker')`,
  )) as { name: string }[];
  const found = await Promise.all(
    tables.map(async ({ name }) => {
      const [row] = await bench.services.query(`select count(*) from ${name} as one where one::text like $1`, [
        `%${text}%`,
      ]);
      return Number((row as { count: string }).count) > 0 ? name : null;
    }),
  );
  return found.filter((name) => name !== null).toSorted();
}

async function filesHolding(text: string): Promise<string[]> {
  const entries = await readdir(bench.services.folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const found = await Promise.all(
    files.map(async (file) => {
      const bytes = await readFile(file);
      const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
      return plain.includes(text) ? file : null;
    }),
  );
  return found.filter((file) => file !== null);
}

/** A turn as chat writes it: the row, and what was streamed. */
async function answered(documentIds: string[], quote: string, more: object = {}) {
  const { db, tenantId: tenant_id, brainId: brain_id } = bench;
  const [conversation, turn, person] = [uuidv7(), uuidv7(), uuidv7()];
  await db
    .insertInto('people')
    .values({ id: person, name: 'P', email: `${person}@example.com` })
    .execute();
  await db.insertInto('conversations').values({ id: conversation, tenant_id, brain_id, person_id: person }).execute();
  const citations = documentIds.map((document_id, index) => ({
    n: index + 1,
    document_id,
    document_name: 'codes.pdf',
    page_number: 1,
    start: 0,
    end: quote.length,
    quote: index === 0 ? quote : 'of another document',
  }));
  await db
    .insertInto('turns')
    .values({
      id: turn,
      tenant_id,
      conversation_id: conversation,
      question: 'What is the code?',
      answer: `“${quote}” [1]`,
      status: 'done',
      answerer_kind: 'extractive',
      answerer_name: 'extractive',
      answered: true,
      citations: JSON.stringify(citations),
      replica: 'r',
      lease_until: new Date(),
      finished_at: new Date(),
      ...more,
    })
    .execute();
  const events = ['token', 'citation'].map((event, index) => ({
    turn_id: turn,
    place: index + 1,
    event,
    data: JSON.stringify(index === 0 ? { text: quote } : { quote }),
  }));
  await db.insertInto('turn_events').values(events).execute();
  return { turn, conversation };
}
const turnOf = (id: string) => bench.db.selectFrom('turns').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

test('its text is searched for in rows, events, objects and table files, and is nowhere', async () => {
  const marker = 'tangerine-4711';
  const others = await Promise.all(
    [1, 2].map(() => ingest(Array.from({ length: 30 }, (_, at) => `Ordinary page ${at}.`))),
  );
  const secret = await ingest([`The launch code is ${marker}.`, `Again: ${marker}.`]);
  const citing = await answered([secret, others[0] as string], `The launch code is ${marker}.`);
  const unrelated = await answered([others[0] as string], 'Ordinary page 7.');
  expect(await tablesHolding(marker)).toEqual(['public.turn_events', 'public.turns']);
  expect((await filesHolding(marker)).length).toBeGreaterThan(0);

  const deletion = await bench.order('delete_document', secret);
  expect(await bench.until(deletion, ended)).toMatchObject({ status: 'succeeded' });
  expect(await tablesHolding(marker)).toEqual([]);
  expect(await filesHolding(marker)).toEqual([]);
  const { answer, citations, question } = await turnOf(citing.turn);
  expect([question, answer]).toEqual(['What is the code?', '']);
  expect(citations).toMatchObject([
    { n: 1, document_id: secret, document_name: '', quote: '', deleted: true },
    { n: 2, document_id: others[0], document_name: 'codes.pdf', quote: 'of another document' },
  ]);
  const told = await bench.db.selectFrom('events').select('resource_id').where('event', '=', 'conversation').execute();
  expect(told).toEqual([{ resource_id: citing.conversation }]);
  expect(await turnOf(unrelated.turn)).toMatchObject({ answer: '“Ordinary page 7.” [1]' });
  for (const other of others) await expectConserved(bench, other);
  expect((await bench.search('Ordinary page 7', others[0]))[0]?.text).toBe('Ordinary page 7.');
});

test('of a document that was read twice no former text is left either, and many deletions at once all end', async () => {
  const marker = 'mandarin-0815';
  const documents = await Promise.all([1, 2, 3, 4].map((at) => ingest([`Code ${at} is ${marker}.`, 'A second page.'])));
  const keep = await ingest(['Kept.']);
  await bench.db
    .updateTable('jobs')
    .set({ status: 'running', stage: 'indexing', attempt: 2, finished_at: null })
    .where('document_id', '=', documents[0] as string)
    .execute();
  const [{ id }] = (await bench.db
    .selectFrom('jobs')
    .select('id')
    .where('document_id', '=', documents[0] as string)
    .execute()) as [{ id: string }];
  await bench.notify(id);
  await bench.until(id, ended);
  const deletions = await Promise.all(documents.map((document) => bench.order('delete_document', document)));
  for (const deletion of deletions)
    expect(await bench.until(deletion, ended)).toMatchObject({ status: 'succeeded', document_id: null });
  expect(await filesHolding(marker)).toEqual([]);
  await expectConserved(bench, keep);
});

test('an answer that may have read the document ends first', async () => {
  const marker = 'pomelo-1234';
  const secret = await ingest([`The code is ${marker}.`]);
  const streaming = await answered([], marker, { status: 'streaming', answer: '', finished_at: null });
  const deletion = await bench.order('delete_document', secret);
  await bench.until(deletion, ({ status }) => status === 'running');
  while ((await vectorRows(bench, secret)).length > 0) await sleep(50);
  await sleep(500);
  expect(await bench.job(deletion)).toMatchObject({ status: 'running' });
  const citations = [
    { n: 1, document_id: secret, document_name: 'x', page_number: 1, start: 0, end: 1, quote: marker },
  ];
  await bench.db
    .updateTable('turns')
    .set({ status: 'done', answer: marker, citations: JSON.stringify(citations), finished_at: new Date() })
    .where('id', '=', streaming.turn)
    .execute();
  expect(await bench.until(deletion, ended)).toMatchObject({ status: 'succeeded' });
  expect(await tablesHolding(marker)).toEqual([]);
});
