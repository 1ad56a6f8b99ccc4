/** What a tenant may ask of a replica while others ask too. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { activeMs, burst, createTenantRate } from '../../../../services/shared/auth/tenant-rate.ts';

const perSecond = 50;
const intervalMs = 1000 / perSecond;

/** Times of the requests of `loud` that are answered, when each of `sent` is a time and the tenant that asks. */
function answered(sent: readonly (readonly [at: number, tenantId: string])[]): {
  loud: number[];
  quietRefused: number;
} {
  let now = 0;
  const rate = createTenantRate({ perSecond, now: () => now });
  const loud: number[] = [];
  let quietRefused = 0;
  for (const [at, tenantId] of sent) {
    now = at;
    try {
      rate.take(tenantId);
      if (tenantId === 'loud') loud.push(at);
    } catch {
      if (tenantId !== 'loud') quietRefused += 1;
    }
  }
  return { loud, quietRefused };
}

test('beside another, no stretch of time holds more than the burst and the rate; who asks seldom is never refused', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 50, maxLength: 400 }), (gapsMs) => {
      let at = 0;
      const sent: [number, string][] = [[0, 'quiet']];
      for (const [index, gapMs] of gapsMs.entries()) {
        at += gapMs;
        sent.push([at, 'loud']);
        if (index % 20 === 0) sent.push([at, 'quiet']);
      }
      const { loud, quietRefused } = answered(sent);
      expect(quietRefused).toBe(0);
      for (let from = 0; from < loud.length; from += 7)
        for (let to = from; to < loud.length; to += 5) {
          const tookMs = (loud[to] as number) - (loud[from] as number);
          expect(to - from + 1).toBeLessThanOrEqual(burst + Math.floor(tookMs / intervalMs + 1e-9));
        }
    }),
  );
});

test('alone a tenant may ask as often as it can, and owes nothing for it when another comes', () => {
  const flood = Array.from({ length: 5000 }, (_, index) => [index / 10, 'loud'] as const);
  expect(answered(flood).loud).toHaveLength(5000);
  // The flood used the burst up, and no more: one interval later it may ask again.
  expect(answered([...flood, [500, 'quiet'], [500 + intervalMs, 'loud']]).loud).toHaveLength(5001);
  // The other was not seen for long: alone again.
  expect(
    answered([...flood, [500, 'quiet'], ...flood.map(([at]) => [500 + activeMs + 1 + at, 'loud'] as const)]).loud,
  ).toHaveLength(10_000);
});

test('a rate that answers nobody is refused', () => {
  expect(() => createTenantRate({ perSecond: 0 })).toThrow(
    'requests of a tenant per second are 0, allowed is more than 0',
  );
});
