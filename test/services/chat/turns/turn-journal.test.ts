/** When events are written: with those of all other turns, ten times a second; the first word of an answer at once. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely';
import { createTurnJournal } from '../../../../services/chat/turns/turn-journal.ts';
import { createTurnStream } from '../../../../services/chat/turns/turn-stream.ts';
import { createLogger } from '../../../../services/shared/log.ts';
import type { Tables } from '../../../../services/shared/postgres/tables.ts';

const turnId = '019ac7a0-0000-7000-8000-000000000001';

const otherId = '019ac7a0-0000-7000-8000-000000000002';

let statements = 0;
/** How long PostgreSQL takes for one. */
let statementMs = 0;

/** A database in which the turns are alive. */
class Alive extends DummyDriver {
  override async acquireConnection() {
    const executeQuery = async () => {
      statements += 1;
      if (statementMs > 0) await new Promise((resolve) => setTimeout(resolve, statementMs));
      return { rows: [{ id: turnId }, { id: otherId }] as never[] };
    };
    return { ...(await super.acquireConnection()), executeQuery };
  }
}
const db = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new Alive(),
    createIntrospector: (one) => new PostgresIntrospector(one),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

// No interval ends unless the test says so.
beforeEach(() => {
  [statements, statementMs] = [0, 0];
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
});
afterEach(() => void jest.useRealTimers());

const open = () => {
  const journal = createTurnJournal(db, 'replica', createLogger('test', { level: 'silent' }));
  const streamOf = (id: string) =>
    createTurnStream({ turnId: id, journal, first: [], lost: () => {}, followed: () => false });
  return { journal, streams: [streamOf(turnId), streamOf(otherId)] as const };
};
const soon = () => new Promise((resolve) => setImmediate(resolve));
const textOf = ({ written }: { readonly written: readonly { readonly json: string }[] }) =>
  written.map(({ json }) => JSON.parse(json).text).join('');

test('the first word waits for no interval, the next ones do', async () => {
  const [stream] = open().streams;
  const written = () => stream.written.map(({ event, json }) => [event, JSON.parse(json)]);
  stream.append('found', { passages: 1 });
  await jest.advanceTimersByTimeAsync(100);
  expect(written()).toEqual([['found', { passages: 1 }]]);
  stream.token('The');
  await soon();
  expect(written().slice(1)).toEqual([['token', { text: 'The' }]]);
  stream.token(' next');
  stream.token(' ones');
  await soon();
  expect(written()).toHaveLength(2);
  await jest.advanceTimersByTimeAsync(100);
  expect(written().slice(2)).toEqual([['token', { text: ' next ones' }]]);
});

test('ten statements a second, also when words come while one is under way', async () => {
  const { streams } = open();
  for (const stream of streams) stream.token('The');
  await soon();
  statements = 0;
  statementMs = 30;
  for (let word = 1; word <= 100; word++) {
    for (const stream of streams) stream.token(` ${word}`);
    await jest.advanceTimersByTimeAsync(10);
  }
  expect(statements).toBeLessThanOrEqual(10);
  await jest.advanceTimersByTimeAsync(200);
  for (const stream of streams) expect(textOf(stream).endsWith(' 99 100')).toBe(true);
});

test('what is awaited of one turn writes nothing of the others', async () => {
  const { journal, streams } = open();
  const [ends, goesOn] = streams;
  for (const stream of streams) stream.token('The');
  await soon();
  for (const stream of streams) stream.token(' end');
  // Its own are in a statement already, and more of them come.
  statementMs = 10;
  const flushed = journal.flush(turnId);
  ends.token('.');
  const again = journal.flush(turnId);
  await jest.advanceTimersByTimeAsync(20);
  await Promise.all([flushed, again]);
  expect(textOf(ends)).toBe('The end.');
  expect(textOf(goesOn)).toBe('The');
  await jest.advanceTimersByTimeAsync(100);
  expect(textOf(goesOn)).toBe('The end');
  statements = 0;
  await journal.flush(turnId);
  expect(statements).toBe(0);
});
