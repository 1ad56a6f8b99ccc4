/** What the sheet and the simulation make of a month's dollars, and what their programs refuse. */
import { expect, test } from '@jest/globals';
import { execa } from 'execa';
import { nextPurchases } from '../../../environments/capacity/advice/next-dollars.ts';
import { capacityOf, measuredConstants } from '../../../environments/capacity/model.ts';
import { sheetTable } from '../../../environments/capacity/sheet.ts';
import { resolveEnvironment } from '../../../environments/environment.ts';
import { environmentMonthlyUsd } from '../../../environments/pricing/environment-cost.ts';
import { totalUsd } from '../../../environments/pricing/lines.ts';
import { definitionOf, serviceNames } from '../../../services/manifest.ts';
import { onAws } from '../../../stacks/on-aws.ts';
import { costedOf } from '../../../stacks/sheet/costed.ts';
import { hourlyUsd } from '../../../stacks/sheet/hourly.ts';
import { scalingOf } from '../../../stacks/sheet/scaling.ts';
import { sheetOf } from '../../../stacks/sheet/sheet-of.ts';
import { sample } from '../../environments/sample.ts';
import { placeholders } from '../synthesized.ts';

const of = (changes: object) => costedOf(onAws(resolveEnvironment(sample(changes as never))), placeholders);

const models = [
  { name: 'm', url: 'https://models.test/v1', contextTokens: 128_000, usdPerMillionTokens: { in: 0.5, out: 2 } },
];
const quiet = of({ models });
const promising = of({ models, carries: { chatsPerMinute: 10 } });

test('promised tokens are in the month, and not again in what each answer costs', () => {
  const month = ({ costed }: typeof quiet) => totalUsd(environmentMonthlyUsd(costed));
  // 10 a minute for 5 h of each day: 91,250 answers of 5,400 tokens read and 240 written.
  expect(month(promising) - month(quiet)).toBeCloseTo((91_250 * (5400 * 0.5 + 240 * 2)) / 1e6, 6);
  expect(hourlyUsd(promising, true)).toEqual(hourlyUsd(quiet, true));
  expect(hourlyUsd(promising, false)).toEqual(hourlyUsd(quiet, false));
  expect(hourlyUsd(promising, true).perAnswer).toBeCloseTo((5400 * 0.5 + 240 * 2) / 1e6, 12);
  const perPiece = (whole: typeof quiet) =>
    sheetTable([sheetOf('test', whole)]).filter(([what]) => what?.startsWith('USD') && what !== 'USD a month');
  expect(perPiece(promising)).toHaveLength(4);
  expect(perPiece(promising)).toEqual(perPiece(quiet));
});

test('nodes that are fixed take no replica that synth would refuse', () => {
  const pods = { platform: 'kubernetes', vcpu: 0.4, memoryMiB: 1024 } as const;
  const tiers = Object.fromEntries(
    serviceNames.filter((name) => !definitionOf(name).optional).map((name) => [name, pods]),
  );
  const bought = (nodes: number) => {
    const { environment, costed } = of({ tiers, kubernetes: { cluster: 'make', apiCidrs: [], nodes } });
    return nextPurchases(environment, costed).map(({ change }) => change);
  };
  expect(bought(2)).toEqual([]);
  // With room on them it costs its logs alone, since they are paid.
  expect(bought(3)).toContain('chat: replicas at most 1 -> 2');
});

test.each([
  ['ecs', 60],
  ['vm', 120],
  ['kubernetes', 30],
] as const)('a simulated replica on %s comes as late as in the sheet: %d s and its start', (platform, seconds) => {
  const chat = { platform, vcpu: 0.25, memoryMiB: 512, slots: 32, replicas: { min: 1, max: 3 } };
  const kubernetes = { cluster: 'make', apiCidrs: [], externalMetrics: true };
  const environment = resolveEnvironment(
    sample({ tiers: { chat }, ...(platform === 'kubernetes' && { kubernetes }) } as never),
  );
  const start = measuredConstants['startSeconds chat'].value;
  expect(scalingOf(environment, 'chat')?.startSeconds).toBe(seconds + start);
  const [sheet] = capacityOf(environment).scaleOut;
  expect(scalingOf(environment, 'chat')?.startSeconds).toBe(sheet?.readySeconds);
  // What is decided on is a minute old there, and looked at every 15 s.
  const lookedAtSeconds = platform === 'kubernetes' ? 15 : 0;
  expect((scalingOf(environment, 'chat')?.figures.out ?? 0) * 60 + lookedAtSeconds).toBe(sheet?.noticedSeconds);
  expect(scalingOf(environment, 'chat', 5)?.startSeconds).toBe(5 + start);
});

test('what scales on CPU alone is not simulated, and says so', () => {
  const chat = { platform: 'kubernetes', vcpu: 0.25, memoryMiB: 512, slots: 32, replicas: { min: 1, max: 3 } };
  const environment = resolveEnvironment(
    sample({ tiers: { chat }, kubernetes: { cluster: 'make', apiCidrs: [] } } as never),
  );
  expect(() => scalingOf(environment, 'chat')).toThrow(
    'chat scales on CPU alone in a cluster without external metrics, which is not simulated; allowed: --replicas most, or kubernetes.externalMetrics: true where an adapter offers them',
  );
});

test('npm run sheet: environments side by side, one of them with a tier elsewhere, for people and programs', async () => {
  const sheet = async (...given: string[]) => {
    const program = ['--no-experimental-detect-module', 'stacks/sheet/main.ts', '--compare', 'dev', 'prod'];
    return (await execa('node', [...program, ...given], { preferLocal: true })).stdout;
  };
  const [head] = (await sheet()).split('\n');
  expect(head?.trim().split(/ {2,}/)).toEqual(
    ['dev', 'prod'].flatMap((name) => [`${name}, least replicas`, `${name}, most replicas`]),
  );
  const sheets = JSON.parse(await sheet('--swap', 'api=vm', '--json'));
  expect(sheets.map(({ name }: { name: string }) => name)).toEqual(['dev', 'dev api=vm', 'prod', 'prod api=vm']);
  // The swap changes what it costs, not what it carries.
  const [dev, moved] = sheets;
  expect(moved.capacity.max.carried).toEqual(dev.capacity.max.carried);
  expect(moved.monthlyUsd.max).not.toBe(dev.monthlyUsd.max);
}, 60_000);

test.each([
  [
    ['main.ts', '--target', '1 people', '--swap', 'api=vm', '--html'],
    "given --target with --swap, --html; allowed beside it: an environment's name and --json",
  ],
  [
    ['simulate.ts', 'dev', '--trace', 'quiet', '--provision', 'abc'],
    'given --provision NaN; allowed: seconds, 0 or more',
  ],
  [['simulate.ts', 'dev', '--trace', 'quiet', '--provision=-1'], 'given --provision -1; allowed: seconds, 0 or more'],
])('%j is refused', async ([program, ...given], fault) => {
  const { exitCode, stderr } = await execa(
    'node',
    ['--no-experimental-detect-module', `stacks/sheet/${program}`, ...given],
    { preferLocal: true, reject: false },
  );
  expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining(fault) });
});
