/** Predictions for the CPU that the service runs on, by hand. */
import { expect, test } from '@jest/globals';
import { type HandedOver, onThisCpu } from '../../../services/api/operations/prediction.ts';

const handed: HandedOver = {
  source: 'measured',
  cpu: 'A',
  cpu_rounds_per_second: 500,
  pages_per_minute: { by_cpu: 2000, other: null },
  embedded_pages_per_minute: { by_cpu: 400, other: 300 },
  chats_at_once: { by_cpu: 100, other: 64 },
  chats_per_minute: { by_cpu: 900, other: 240 },
  api_requests_per_second: { by_cpu: 250, other: null },
  refused_share: 0.01,
  first_token_seconds: { p50: 0.2, p95: 0.6 },
  light_wait_p95_seconds: 0.4,
  answer_seconds: 12,
  errors_per_minute: 0.1,
  monthly_ceiling_usd: 150,
  tiers: {},
};

test('half the speed: what CPU limits is half, slots and accounts stay, times double', () => {
  expect(onThisCpu(handed, 0.5)).toMatchObject({
    pages_per_minute: 1000,
    embedded_pages_per_minute: 200,
    // 50 streams are fewer than the slots now.
    chats_at_once: 50,
    chats_per_minute: 240,
    yields_per_minute: 2.4,
    api_requests_per_second: 130,
    first_token_seconds: { p50: 0.4, p95: 1.2 },
    light_wait_p95_seconds: 0.8,
    answer_seconds: 12,
  });
});

test('a CPU that nobody compared is taken to do the same', () => {
  expect(onThisCpu(handed, null)).toMatchObject({ pages_per_minute: 2000, chats_at_once: 64, chats_per_minute: 240 });
});
