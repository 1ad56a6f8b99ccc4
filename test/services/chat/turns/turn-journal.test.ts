/** When events are written: with those of all other turns, ten times a second; the first word of an answer at once. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely';
import { createTurnJournal } from '../../../../services/chat/turns/turn-journal.ts';
import { createTurnStream } from '../../../../services/chat/turns/turn-stream.ts';
import { createLogger } from '../../../../services/shared/log.ts';
import type { Tables } from '../../../../services/shared/postgres/tables.ts';

const turnId = '019ac7a0-0000-7000-8000-000000000001';

/** A database in which the turn is alive. */
class Alive extends DummyDriver {
  override async acquireConnection() {
    return { ...(await super.acquireConnection()), executeQuery: async () => ({ rows: [{ id: turnId }] as never[] }) };
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
beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] }));
afterEach(() => void jest.useRealTimers());

test('the first word waits for no interval, the next ones do', async () => {
  const journal = createTurnJournal(db, 'replica', createLogger('test', { level: 'silent' }));
  const stream = createTurnStream({ turnId, journal, first: [], lost: () => {}, followed: () => false });
  const written = () => stream.written.map(({ event, json }) => [event, JSON.parse(json)]);
  const soon = () => new Promise((resolve) => setImmediate(resolve));
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
