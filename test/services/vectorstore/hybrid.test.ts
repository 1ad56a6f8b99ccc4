import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fuseRanks } from '../../../services/vectorstore/hybrid.ts';

const list = (...ids: string[]) => ids.map((id) => ({ id, row: id }));

test('a row that both sides found is above one that a single side ranked higher', () => {
  const fused = fuseRanks([list('a', 'b', 'c'), list('d', 'b', 'e')], 10);
  expect(fused.map(({ id }) => id)).toEqual(['b', 'a', 'd', 'c', 'e']);
  expect(fused[0]?.score).toBeCloseTo(2 / 62);
});

test('nothing twice, best first, no more than asked for', () => {
  const ids = fc.uniqueArray(fc.string({ maxLength: 3 }), { maxLength: 30 });
  fc.assert(
    fc.property(fc.array(ids, { maxLength: 3 }), fc.nat(20), (lists, limit) => {
      const fused = fuseRanks(
        lists.map((given) => list(...given)),
        limit,
      );
      const all = new Set(lists.flat());
      expect(fused).toHaveLength(Math.min(limit, all.size));
      expect(new Set(fused.map(({ id }) => id)).size).toBe(fused.length);
      for (const [at, { score }] of fused.entries()) expect(score).toBeLessThanOrEqual(fused[at - 1]?.score ?? 1);
    }),
  );
});
