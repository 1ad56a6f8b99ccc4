import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { createLogger } from '../../../services/shared/log.ts';
import { createCompaction } from '../../../services/vectorstore/maintenance/compaction.ts';
import { type Compaction, worthMerging } from '../../../services/vectorstore/maintenance/table-compaction.ts';

const log = createLogger('test', { level: 'silent' });
const brain = { tenantId: 't', brainId: 'b' };

test('small tables are merged soon, large ones when a twentieth is new', () => {
  expect(worthMerging({ rows: 100, unindexedRows: 100, files: 3 })).toBe(false);
  expect(worthMerging({ rows: 600, unindexedRows: 101, files: 3 })).toBe(true);
  expect(worthMerging({ rows: 100_000, unindexedRows: 4000, files: 3 })).toBe(false);
  expect(worthMerging({ rows: 100_000, unindexedRows: 5001, files: 3 })).toBe(true);
  expect(worthMerging({ rows: 5_000_000, unindexedRows: 10_001, files: 3 })).toBe(true);
  expect(worthMerging({ rows: 400, unindexedRows: 10, files: 33 })).toBe(true);
});

test('many writes are one run; a second one removes the old versions; a failed one is tried again', async () => {
  const runs: Compaction[] = [];
  let failures = 1;
  const compaction = createCompaction({
    log,
    debounceMs: 20,
    debounceMsMax: 40,
    retentionMs: 30,
    work: async (_brain, what) => {
      runs.push(what);
      if (failures-- > 0) throw new Error('a writer is at work');
      return true;
    },
  });
  compaction.wrote(brain, true);
  for (let count = 0; count < 5; count++) compaction.wrote(brain, false);
  while (runs.length < 3) await sleep(10);
  await compaction.close();
  expect(runs.map(({ purge, cleanup }) => [purge, cleanup])).toEqual([
    [true, false],
    [true, false],
    [false, true],
  ]);
  compaction.wrote(brain, true);
  await sleep(60);
  expect(runs).toHaveLength(3);
});

test('a failed run that was to purge leaves that to the run of a write that came meanwhile', async () => {
  const purges: boolean[] = [];
  const compaction = createCompaction({
    log,
    debounceMs: 20,
    debounceMsMax: 40,
    work: async (_brain, { purge }) => {
      purges.push(purge);
      if (purges.length > 1) return true;
      compaction.wrote(brain, false);
      throw new Error('a writer is at work');
    },
  });
  compaction.wrote(brain, true);
  while (purges.length < 2) await sleep(10);
  await compaction.close();
  expect(purges).toEqual([true, true]);
});
