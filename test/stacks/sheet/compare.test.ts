/** One environment on three platforms, side by side, held against arithmetic by hand. */
import { describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { resolveEnvironment } from '../../../environments/environment.ts';
import { onPlatform, platformComparison } from '../../../stacks/sheet/compare.ts';
import { sample } from '../../environments/sample.ts';
import { placeholders } from '../synthesized.ts';

/** A row's figures. */
const row = (table: string, part: string) =>
  table
    .split('\n')
    .find((line) => line.startsWith(part))
    ?.slice(part.length)
    .trim()
    .split(/\s+/);

describe('an environment on every platform', () => {
  const table = platformComparison(sample(), placeholders);

  test('costs by hand what the table says, us-east-1 and arm64', () => {
    expect(table.split('\n')[0]).toMatch(/^test, USD a month at most replicas +as written +vm +ecs +kubernetes$/);
    // Logs of any replica: 0.5 GB at $0.50, and kept 30 days at $0.03: 0.265.
    // ECS: 0.25 vCPU at 0.03238 and 0.5 GiB at 0.00356 for 730 h and 5 h of deploys: 5.951 + 1.308 + 0.265 = 7.52.
    // VM: t4g.small at 0.0168 for 735 h, 20 GiB at 0.08: 12.348 + 1.6 + 0.265 = 14.21.
    // A cluster: 0.25 of the 1.73 vCPU of an m7g.large at 0.0816 for 730 h: 8.608 + 0.265 = 8.87.
    expect(row(table, 'web')).toEqual(['7.52', '14.21', '7.52', '8.87']);
    // 0.5 of 1.73 vCPU is 28.9 % of $59.568: 17.216 + 0.265.
    expect(row(table, 'document-worker')?.at(-1)).toBe('17.48');
    // Control plane 73; its log 2.6 GB at 0.50 and 0.03: 1.378; two nodes' disks 40 x 0.08: 3.2; of two nodes ($119.136)
    // what five tiers leave: 1.25 of 1.73 vCPU and, of the vectorstore, 1,024 of 6,782 MiB are 87.35 % of one; so 67.10.
    expect(row(table, 'kubernetes')).toEqual(['0.00', '0.00', '0.00', '144.68']);
    expect(row(table, 'postgres')?.every((usd, _, all) => usd === all[0])).toBe(true);
  });

  test('sums up', () => {
    const column = (index: number) =>
      table
        .split('\n')
        .slice(2)
        .map((line) => line.split(/ {2,}/))
        .filter(([part, ...rest]) => rest.length > 0 && !/^(-|total|at least)/.test(part as string))
        .reduce((sum, cells) => sum + Number(cells[index + 1]), 0);
    const totals = row(table, 'total') as string[];
    for (const [index, total] of totals.entries()) expect(column(index)).toBeCloseTo(Number(total), 0);
    expect(totals[0]).toBe(totals[2]);
    expect(row(table, 'at least replicas')).toEqual(totals);
  });
});

test('a range of replicas has two totals', () => {
  const tiers = {
    chat: { platform: 'ecs', vcpu: 0.25, memoryMiB: 512, slots: 32, replicas: { min: 1, max: 3 } },
  } as const;
  const table = platformComparison(sample({ tiers: tiers as never }), placeholders);
  const [most, least] = ['total', 'at least replicas'].map((part) => Number(row(table, part)?.[2]));
  // Two tasks less, each 7.52.
  expect((most as number) - (least as number)).toBeCloseTo(2 * 7.52, 1);
});

test('a budget that no task has is priced as the next larger one, and said', () => {
  const tiers = { 'document-worker': { platform: 'vm', vcpu: 0.4, memoryMiB: 1536 } } as const;
  const table = platformComparison(sample({ tiers: tiers as never }), placeholders);
  expect(table).toContain('ecs: document-worker has vcpu 0.5, memoryMiB 2048: no task has 0.4, 1536');
});

test('what cannot be somewhere says why', () => {
  const aws = { nat: 'none' } as const;
  const table = platformComparison(sample({ aws }), placeholders);
  expect(table).toMatch(/^kubernetes: not possible: .*\n.*given 'make' with aws.nat 'none'/m);
  expect(row(table, 'web')).toHaveLength(3);
});

test('an environment keeps its cluster, its options, and of a swap under way the larger half', () => {
  const chat = { vcpu: 0.25, memoryMiB: 512, slots: 7 };
  const swap = [
    { ...chat, platform: 'ecs', weight: 10 },
    { ...chat, vcpu: 0.5, platform: 'vm', weight: 90 },
  ];
  const kubernetes = { cluster: 'company', podCidr: '10.20.0.0/16' };
  const input = sample({ kubernetes, tiers: { chat: swap } as never });
  expect(onPlatform(input, 'kubernetes').input.kubernetes).toEqual(kubernetes);
  expect(resolveEnvironment(onPlatform(input, 'kubernetes').input).tiers.chat).toMatchObject([
    { platform: 'kubernetes', vcpu: 0.5, options: { slots: 7 }, weight: 100 },
  ]);
  expect(onPlatform(input, 'ecs').input.kubernetes).toBeUndefined();
});

test('npm run synth -- dev --compare prints it', async () => {
  const args = ['--no-experimental-detect-module', 'stacks/main.ts', 'dev', '--compare'];
  const { stdout } = await execa(process.execPath, args);
  expect(row(stdout, 'total')).toHaveLength(4);
});
