import { expect, test } from '@jest/globals';
import { App } from 'cdktf';
import { type EnvironmentInput, resolveEnvironment } from '../../environments/environment.ts';
import { checkedCostSheet, costedEnvironment } from '../../stacks/cost.ts';
import { onAws } from '../../stacks/on-aws.ts';
import { addStacks } from '../../stacks/synthesize.ts';
import { sample } from '../environments/sample.ts';
import { ofType, placeholders, synthesized } from './synthesized.ts';

function costed(input: EnvironmentInput) {
  const environment = onAws(resolveEnvironment(input));
  const { foundation, service } = addStacks(new App(), environment, placeholders);
  return {
    costed: costedEnvironment(environment, [foundation, service]),
    sheet: checkedCostSheet(environment, [foundation, service]),
  };
}

test('what is billed by the piece is counted in the stacks', () => {
  const input = sample({ aws: { nat: 'none' } });
  const { foundation, service } = synthesized(input);
  const pieces = (type: string) =>
    [foundation, service].reduce((sum, stack) => sum + Object.keys(ofType(stack, type)).length, 0);
  expect(costed(input).costed.counts).toEqual({
    secrets: pieces('aws_secretsmanager_secret'),
    kmsKeys: pieces('aws_kms_key'),
    alarms: pieces('aws_cloudwatch_metric_alarm'),
    dashboards: 1,
    // Slots, yields, pages, the day's limit; memory, its growth and CPU of five tiers.
    metrics: pieces('aws_cloudwatch_log_metric_filter') + 4 + 3 * 5,
    interfaceEndpoints: Object.values(ofType(foundation, 'aws_vpc_endpoint')).length - 1,
    hostedZones: 0,
    wafRules: 0,
  });
});

test('scaling brings two alarms of its own, machines a metric of memory', () => {
  const fixed = costed(sample()).costed.counts;
  const scaled = costed(
    sample({ tiers: { api: { platform: 'vm', vcpu: 0.4, memoryMiB: 1024, replicas: { min: 1, max: 2 } } } as never }),
  ).costed.counts;
  expect(scaled.alarms - fixed.alarms).toBe(2);
  expect(scaled.metrics - fixed.metrics).toBe(1);
});

test('an alarm is billed for each metric that it reads', () => {
  const between = { min: 1, max: 2 };
  const more = (tiers: object) =>
    costed(sample({ tiers: tiers as never })).costed.counts.alarms - costed(sample()).costed.counts.alarms;
  // A high and a low alarm each: slots in use and refused questions; pages and replicas, on both platforms; CPU alone.
  expect(more({ chat: { platform: 'ecs', vcpu: 0.25, memoryMiB: 512, slots: 32, replicas: between } })).toBe(2 * 2);
  const worker = { vcpu: 0.5, memoryMiB: 1024, replicas: between };
  expect(more({ 'document-worker': { ...worker, platform: 'ecs' } })).toBe(2 * 2);
  expect(more({ 'document-worker': { ...worker, platform: 'vm' } })).toBe(2 * 2);
  expect(more({ vectorstore: { platform: 'ecs', vcpu: 0.25, memoryMiB: 1024, replicas: between } })).toBe(2);
});

test('a metric that two tiers publish is billed for each', () => {
  const chatModel = { url: 'https://models.example.com/v1', model: 'm' };
  const without = costed(sample({ chatModel })).costed.counts;
  const governor = { platform: 'ecs', vcpu: 0.25, memoryMiB: 512, maxInFlight: 4 };
  const beside = costed(sample({ chatModel, tiers: { governor } as never })).costed.counts;
  // Two that are counted from its log; slots in use and yields per minute, which chat publishes, too; and what every tier
  // publishes: memory, its growth, CPU.
  expect(beside.metrics - without.metrics).toBe(7);
});

test('the sheet names the environment, each tier, and a total', () => {
  const { sheet } = costed(sample());
  expect(sheet).toMatch(/^test in us-east-1: \$\d+\.\d\d to \$\d+\.\d\d a month/);
  for (const part of ['web', 'api', 'chat', 'document-worker', 'vectorstore', 'balancers', 'total'])
    expect(sheet).toMatch(new RegExp(`^${part} `, 'm'));
});

test('synth refuses a promise that the environment does not carry', () => {
  expect(() => costed(sample({ carries: { concurrentChats: 33 } }))).toThrow('given 33, computed 32 (chat slots');
});

test("the model's tokens at the promised load are part of the ceiling", () => {
  const models = [
    {
      name: 'm',
      url: 'https://models.test/v1',
      contextTokens: 128_000,
      usdPerMillionTokens: { in: 10, out: 10 },
    },
  ];
  expect(costed(sample({ models })).sheet).not.toContain('tokens read');
  // 10 x 9,125 minutes x 5,640 tokens x $10 a million.
  expect(() => costed(sample({ models, carries: { chatsPerMinute: 10 } }))).toThrow(
    /the ceiling is \$1000\.00; most of it: models \$5146\.50/,
  );
  expect(costed(sample({ models, carries: { chatsPerMinute: 1 } })).sheet).toMatch(/^models +tokens read, 5 h a day/m);
});
