/** Who is indexed and embedded next, on rows in memory; what a run does takes no time but its turn. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, jest, test } from '@jest/globals';
import { Retries, TenantTurns, type Waiting } from '../../../services/document-worker/tenant-turns.ts';
import { createLogger } from '../../../services/shared/log.ts';

type Rows = Map<string, { tenantId: string; left: number }>;
let made = 0;
/** Ids ascend with time, as those of documents do. */
const add = (rows: Rows, tenantId: string, left: number) => {
  made += 1;
  const id = `${(1_800_000_000_000 + made).toString(16).padStart(12, '0')}-0000`;
  rows.set(id, { tenantId, left });
  return id;
};

/** Runs until `ends` holds, which is asked before each look at what waits. @returns ids and pages of runs as they began */
async function serve(
  rows: Rows,
  slots: number,
  pagesPerRun: number,
  ends: () => boolean,
  most = { atOnce: 0 },
  heavySlots = slots - 1,
) {
  const began: { id: string; pages: number; tenantId: string }[] = [];
  let heavyAtOnce = 0;
  const turns = new TenantTurns({
    slots,
    heavySlots,
    pagesPerRun,
    what: 'rows',
    log: createLogger('test', { level: 'silent' }),
    find: async (except) => {
      if (ends()) return [];
      const waiting = [...rows].map(([id, of]): Waiting => ({ id, documentId: id, ...of }));
      return waiting.filter(({ id }) => !except.includes(id));
    },
    run: async ({ id, tenantId, left }) => {
      const pages = Math.min(pagesPerRun, left);
      began.push({ id, pages, tenantId });
      if (left > 100) heavyAtOnce += 1;
      most.atOnce = Math.max(most.atOnce, heavyAtOnce);
      await turn();
      if (left > 100) heavyAtOnce -= 1;
      if (pages === left) rows.delete(id);
      else rows.set(id, { tenantId, left: left - pages });
      return 'ran';
    },
  });
  await turns.look();
  while (rows.size > 0 && !ends()) await turn();
  await turns.stop(1000);
  return began;
}
const sum = (runs: readonly { pages: number }[]) => runs.reduce((all, { pages }) => all + pages, 0);

test('a heavy document gets its share under a flood of light ones, in whole runs or in turns', async () => {
  for (const [slots, pagesPerRun] of [
    [2, 32],
    [2, Number.POSITIVE_INFINITY],
    [6, Number.POSITIVE_INFINITY],
  ] as const) {
    const rows: Rows = new Map();
    const heavy = [1, 2, 3].map(() => add(rows, 'h', 400));
    let looks = 0;
    const ends = () => {
      looks += 1;
      while (rows.size < 6 * slots) add(rows, `t${looks % 3}`, 2);
      return looks > 3000;
    };
    const began = await serve(rows, slots, pagesPerRun, ends, undefined, 1);
    const ofHeavy = began.filter(({ id }) => heavy.includes(id));
    // One run more or less is 400 pages where a run is a document.
    expect(sum(ofHeavy)).toBeGreaterThanOrEqual(Math.min(400, sum(began) / 15 - 32));
    expect(sum(began) - sum(ofHeavy)).toBeGreaterThan(1000);
  }
});

test('a tenant with two documents does not wait for the flood of another', async () => {
  const rows: Rows = new Map();
  for (let at = 0; at < 300; at++) add(rows, 'a flood', 10);
  const few = [add(rows, 'few others', 10), add(rows, 'few others', 90)];
  const began = await serve(rows, 2, 32, () => few.every((id) => !rows.has(id)));
  const pages = sum(began.filter(({ tenantId }) => tenantId === 'a flood'));
  // 100 pages of its own, and as many of the other at half a fair share three times.
  expect(pages).toBeLessThanOrEqual(3 * 100 + 60);
});

test('inside a tenant and band the oldest is next, whatever smaller ones come after', async () => {
  const rows: Rows = new Map();
  const first = add(rows, 'a', 9);
  for (let at = 0; at < 20; at++) add(rows, 'a', 1);
  const began = await serve(rows, 1, Number.POSITIVE_INFINITY, () => false);
  expect(began[0]?.id).toBe(first);
});

test('heavy documents leave a slot to light ones', async () => {
  const rows: Rows = new Map();
  for (let at = 0; at < 5; at++) add(rows, `h${at}`, 300);
  const most = { atOnce: 0 };
  await serve(rows, 3, 32, () => false, most);
  expect(most.atOnce).toBe(2);
});

test('slots for short documents are not for heavy ones', async () => {
  const rows: Rows = new Map();
  for (let at = 0; at < 5; at++) add(rows, `h${at}`, 300);
  const most = { atOnce: 0 };
  await serve(rows, 6, 32, () => false, most, 1);
  expect(most.atOnce).toBe(1);
});

test('what failed is tried again after its delay, also when the clock is set back meanwhile', () => {
  jest.useFakeTimers();
  try {
    const retries = new Retries(5000, 60_000);
    expect(retries.failed('a')).toBe(5000);
    expect(retries.pausing()).toEqual(['a']);
    jest.setSystemTime(Date.now() - 3_600_000);
    jest.advanceTimersByTime(4999);
    expect(retries.pausing()).toEqual(['a']);
    jest.advanceTimersByTime(1);
    expect(retries.pausing()).toEqual([]);
    expect(retries.failed('a')).toBe(10_000);
  } finally {
    jest.useRealTimers();
  }
});
