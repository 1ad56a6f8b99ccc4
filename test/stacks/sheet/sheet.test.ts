import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { firstAlarms } from '../../../environments/capacity/advice/first-alarms.ts';
import { nextPurchases } from '../../../environments/capacity/advice/next-dollars.ts';
import { cheapestTiers } from '../../../environments/capacity/advice/target.ts';
import { type Carried, capacityOf } from '../../../environments/capacity/model.ts';
import { sheetMarkdown, sheetText } from '../../../environments/capacity/sheet.ts';
import { sheetHtml } from '../../../environments/capacity/sheet-page.ts';
import { resolveEnvironment } from '../../../environments/environment.ts';
import { environmentMonthlyUsd } from '../../../environments/pricing/environment-cost.ts';
import { totalUsd } from '../../../environments/pricing/lines.ts';
import { onAws } from '../../../stacks/on-aws.ts';
import { costedOf } from '../../../stacks/sheet/costed.ts';
import { sheetOf } from '../../../stacks/sheet/sheet-of.ts';
import { swapOf, swapped } from '../../../stacks/sheet/swap.ts';
import { targeted } from '../../../stacks/sheet/target.ts';
import { synthesize } from '../../../stacks/synthesize.ts';
import { sample } from '../../environments/sample.ts';
import { placeholders } from '../synthesized.ts';

const whole = costedOf(onAws(resolveEnvironment(sample())), placeholders);
const { environment, costed } = whole;
const sheet = sheetOf('test', whole);

test('a sheet says what is carried at its cost, what to buy next, and what fires first', () => {
  const text = sheetText([sheet]);
  expect(text).toMatch(/^USD a month +\d+\.\d\d +\d+\.\d\d$/m);
  expect(text).toMatch(/^test: the next 10 dollars a month for chats at once buy \d+\.\d % with chat: replicas/m);
  // 78.75 % of 32 slots, rounded down.
  expect(text).toContain('test: alarm chat: slots fires at 78 % of its chats at once: 25 answers at once');
  expect(sheetMarkdown([sheet])).toContain('| USD for the model, per 1,000 chats | 0.00 | 0.00 |');
});

test('another kind of CPU is said, until a factor is given', () => {
  const text = sheetText([sheet]);
  expect(text).toContain('test: runs on arm64, the constants are of x86_64 (AMD EPYC). On one that does 0.8 of it: ');
  // What CPU limits is four fifths; 32 slots stay.
  const { carried } = sheet.capacity.max;
  expect(sheet.slower.pagesPerMinute).toBeCloseTo(0.8 * carried.pagesPerMinute, 6);
  expect(sheet.slower.concurrentChats).toBe(carried.concurrentChats);
  expect(text).toContain(
    `${Math.floor(0.8 * carried.pagesPerMinute).toLocaleString('en-US')} pages/min, 32 chats at once, `,
  );
  expect(sheetText([{ ...sheet, architecture: 'x86_64' }])).toContain(
    'test: the constants are of one x86_64 CPU (AMD EPYC), and it may run on another. On one that does 0.8',
  );
  const scaled = sheetText([sheetOf('test', whole, 0.8)]);
  expect(scaled).toContain('test: on CPUs taken to do 0.80 of the measured one.');
  expect(scaled).not.toContain('npm run calibrate');
});

test('as one page: every row, charts without a gap, nothing from elsewhere', () => {
  const html = sheetHtml([sheet, { ...sheet, name: '<prod>' }]);
  expect(html).toContain('<td>pages/min</td>');
  expect(html.match(/<polyline/g)).toHaveLength(4);
  expect(html).not.toMatch(/NaN|Infinity|undefined/);
  expect(html).not.toMatch(/(src|href)=/);
  expect(html).toContain('&lt;prod>');
});

test('the next dollars: by hand, another chat replica', () => {
  const purchase = nextPurchases(environment, costed).find(({ bounds }) => bounds === 'concurrentChats');
  expect(purchase).toMatchObject({ change: 'chat: replicas at most 1 -> 2', before: 32, after: 64 });
  // 0.25 vCPU and 0.5 GB of Fargate on arm64 for 730 h and 5 h of deploys, half a GB of logs written, and kept 14 days or so.
  expect(purchase?.monthlyUsd).toBeGreaterThan(735 * (0.25 * 0.03238 + 0.5 * 0.00356));
  expect(purchase?.monthlyUsd).toBeLessThan(735 * (0.25 * 0.03238 + 0.5 * 0.00356) + 0.5 * 0.5 + 0.5 * 0.03 * 3);
  expect(purchase?.sharePer10Usd).toBeCloseTo(10 / (purchase?.monthlyUsd ?? 0), 6);
});

test('of two additions that carry as much the cheaper one is told', () => {
  const requests = nextPurchases(environment, costed).filter(({ bounds }) => bounds === 'apiRequestsPerSecond');
  // Another replica doubles it too, and has logs of its own.
  expect(requests.map(({ change }) => change)).toEqual(['api: vcpu 0.25, memoryMiB 512 -> vcpu 0.5, memoryMiB 1024']);
});

test('what an environment carries already costs no more than it does', () => {
  const { carried } = capacityOf(environment);
  const found = cheapestTiers(environment, costed, carried);
  expect(found.monthlyUsd).toBeLessThanOrEqual(totalUsd(environmentMonthlyUsd(costed)));
});

test('alarms in the order in which they fire', () => {
  expect(firstAlarms(environment).map(({ alarm, share }) => [alarm, share])).toEqual([
    ['chat: slots', 25 / 32],
    ['document-worker: backlog', 1.1],
  ]);
});

test('the cheapest carries the load, and more load is never cheaper', () => {
  const load = fc.record({
    pagesPerMinute: fc.integer({ min: 1, max: 60_000 }),
    // The environment has no embedding, and no more replicas bring one.
    embeddedPagesPerMinute: fc.constant(0),
    concurrentChats: fc.integer({ min: 1, max: 200 }),
    chatsPerMinute: fc.integer({ min: 1, max: 600 }),
    apiRequestsPerSecond: fc.integer({ min: 1, max: 3000 }),
  });
  fc.assert(
    fc.property(load, (asked) => {
      const found = cheapestTiers(environment, costed, asked);
      const { carried } = capacityOf({ ...environment, tiers: found.tiers as never });
      for (const kind of Object.keys(asked) as (keyof Carried)[])
        expect(carried[kind]).toBeGreaterThanOrEqual(asked[kind]);
      const half = Object.fromEntries(Object.entries(asked).map(([kind, value]) => [kind, value / 2]));
      expect(cheapestTiers(environment, costed, half as unknown as Carried).monthlyUsd).toBeLessThanOrEqual(
        found.monthlyUsd,
      );
      // None of its replicas is there for nothing.
      for (const [tier, [place]] of Object.entries(found.tiers)) {
        if (!place || place.replicas.max === 1) continue;
        const fewer = { ...place, replicas: { min: 1, max: place.replicas.max - 1 } };
        const { limits } = capacityOf({ ...environment, tiers: { ...found.tiers, [tier]: [fewer] } as never });
        expect(limits.some((limit) => limit.tier === tier && limit.value < asked[limit.bounds])).toBe(true);
      }
    }),
    { numRuns: 10 },
  );
});

test('a target is an environment that synthesizes below its ceiling and keeps its promise', async () => {
  const words = '5000 people, 20,000 documents a day of 60 pages, 90,000 questions';
  const { input, source, load } = await targeted(words, 'dev');
  expect(input.carries).toEqual(load);
  expect(source).toMatch(
    /^import type \{ EnvironmentInput \} .*\n\nexport const target: EnvironmentInput = \{\n {2}name: 'target',\n/,
  );
  const again = costedOf(onAws(resolveEnvironment(input)), placeholders);
  const usd = totalUsd(environmentMonthlyUsd(again.costed));
  expect(usd).toBeLessThanOrEqual(input.aws?.monthlyCeilingUsd ?? 0);
  expect(usd).toBeGreaterThan((input.aws?.monthlyCeilingUsd ?? 0) - 10);
});

test('a swap moves one tier, and its cost', () => {
  const moved = costedOf(onAws(swapped(environment, [swapOf('api=vm')])), placeholders);
  expect(moved.environment.tiers.api[0]?.platform).toBe('vm');
  expect(sheetOf('test', moved).monthlyUsd.max).not.toBeCloseTo(sheet.monthlyUsd.max, 2);
  expect(() => swapOf('api=moon')).toThrow(
    /^given swap 'api=moon'; allowed: TIER=PLATFORM of .* and vm, ecs, kubernetes$/,
  );
  expect(() => swapped(environment, [swapOf('governor=vm')])).toThrow(
    "environment 'test' has no tier 'governor' to swap",
  );
});

test('synth writes the sheet beside the configuration', async () => {
  const outdir = mkdtempSync(join(tmpdir(), 'bulkhead-sheet-'));
  try {
    const {
      sheets: [cost],
    } = await synthesize(['dev'], { outdir });
    const page = readFileSync(join(outdir, 'stacks', 'dev-service', 'sheet.md'), 'utf8');
    readFileSync(join(outdir, 'stacks', 'dev-service', 'cdk.tf.json'));
    expect(page).toContain('| pages/min |');
    expect(page).toContain(cost as string);
  } finally {
    rmSync(outdir, { recursive: true });
  }
});
