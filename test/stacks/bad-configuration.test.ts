import { describe, expect, test } from '@jest/globals';
import { App } from 'cdktf';
import { type EnvironmentInput, resolveEnvironment } from '../../environments/environment.ts';
import { checkedCostSheet } from '../../stacks/cost.ts';
import { onAws } from '../../stacks/on-aws.ts';
import { addStacks } from '../../stacks/synthesize.ts';
import { sample } from '../environments/sample.ts';
import { placeholders } from './synthesized.ts';

/** As far as synth goes: resolve, make the stacks, hold the cost against the ceiling. */
function synthOf(input: EnvironmentInput): () => void {
  return () => {
    const environment = onAws(resolveEnvironment(input));
    checkedCostSheet(environment, Object.values(addStacks(new App(), environment, placeholders)));
  };
}

const chat = (changes: object) =>
  sample({ tiers: { chat: { platform: 'ecs', vcpu: 0.25, memoryMiB: 512, ...changes } } as never });
const there = { cluster: 'company', podCidr: '10.20.0.0/16' };
const model = { url: 'https://models.example.com/v1', model: 'm' };
const listed = { name: 'one', url: 'https://models.example.com/v1', contextTokens: 8000 };

describe('synth says what was given, what is allowed and what to do', () => {
  test.each<[what: string, EnvironmentInput, says: string | RegExp]>([
    [
      'a Fargate size that does not exist',
      chat({ vcpu: 0.3 }),
      'no Fargate task has vcpu 0.3, memoryMiB 512; allowed: vcpu 0.25, 0.5, 1, 2, 4, 8, 16; nearest: vcpu 0.5, memoryMiB 1024',
    ],
    [
      'no instance for a budget',
      chat({ platform: 'vm', vcpu: 40, memoryMiB: 1024 }),
      /^no instance in us-east-1 carries vcpu 40, memoryMiB 1024; the largest, .* nearest: .* and more replicas$/,
    ],
    ['an unknown region', sample({ aws: { region: 'us-eats-1' } }), /us-eats-1.*us-east-1/],
    ['no region at all', sample({ aws: { region: 'mars' } }), "must be a region's code, as in 'us-east-1'"],
    ['an unknown database size', sample({ aws: { postgres: { instanceClass: 'db.t9.nano' } } }), /rds\/db\.t9\.nano/],
    ['no replica', chat({ replicas: 0 }), /tiers\.chat\[0\]\.replicas/],
    ['min above max', chat({ replicas: { min: 3, max: 2 } }), 'given min 3 above max 2; allowed: min at most max'],
    ['a word that is no platform', chat({ platform: 'k8s' }), /expected one of/],
    [
      'a tier in a cluster that nobody named',
      chat({ platform: 'kubernetes' }),
      "missing; 'chat' is on 'kubernetes': give kubernetes: { cluster: 'name', podCidr: '10.20.0.0/16' }",
    ],
    [
      'nodes that burst',
      sample({ kubernetes: { ...there, instanceType: 't4g.large' } }),
      "given 't4g.large', which bursts: its pods would share CPU that ends; allowed: c7g, m7g, r7g, m7i, m6i",
    ],
    [
      'nodes of another architecture',
      sample({ kubernetes: { ...there, instanceType: 'm7i.large' } }),
      "given 'm7i.large', which is x86_64; aws.architecture is 'arm64'",
    ],
    [
      'nodes of no known shape',
      sample({ kubernetes: { ...there, instanceType: 'm9g.large' } }),
      "no shape is known for node type 'm9g.large'; allowed: ",
    ],
    [
      'a pod larger than a node',
      sample({
        kubernetes: there,
        tiers: { chat: { platform: 'kubernetes', vcpu: 3, memoryMiB: 1024 } } as never,
      }),
      'a pod of vcpu 3, memoryMiB 1024 fits on no m7g.large, which leaves vcpu 1.73, memoryMiB 6782; lower the budget or choose a larger node',
    ],
    [
      'a platform twice',
      sample({ tiers: { chat: [0, 1].map(() => ({ platform: 'ecs', vcpu: 0.25, memoryMiB: 512 })) } as never }),
      "tier 'chat': given platform 'ecs' twice; allowed: each platform once",
    ],
    [
      'weights that sum to nothing',
      sample({
        tiers: {
          chat: (['vm', 'ecs'] as const).map((platform) => ({ platform, vcpu: 0.25, memoryMiB: 512, weight: 0 })),
        } as never,
      }),
      "tier 'chat': every placement has weight 0; allowed: at least one above 0",
    ],
    [
      'a weight for a tier that takes no requests',
      sample({
        tiers: {
          'document-worker': (['vm', 'ecs'] as const).map((platform) => ({
            platform,
            vcpu: 0.5,
            memoryMiB: 1024,
            weight: 50,
          })),
        } as never,
      }),
      "tier 'document-worker': takes no requests, so its placements have no weight; leave it out: its share is its replicas",
    ],
    [
      'a model outside without a way out',
      sample({ chatModel: model, aws: { nat: 'none' } }),
      "given 'none' with chatModel, which lies outside; allowed: 'instance', 'single', 'per-az', or leave chatModel out",
    ],
    [
      'two ways to name models',
      sample({ chatModel: model, models: [{ ...listed, name: 'm' }] }),
      'given beside chatModel; allowed is one of them',
    ],
    [
      'a governor of nothing',
      sample({ chatModel: undefined, tiers: { governor: { platform: 'ecs', vcpu: 0.25, memoryMiB: 512 } } as never }),
      'given without a model, which it protects; add chatModel or models',
    ],
    ['a model twice', sample({ models: [listed, listed] }), "given 'one' twice; allowed is once"],
    [
      'a fallback that is no other model',
      sample({ models: [{ ...listed, fallback: 'one' }] }),
      "given 'one'; allowed is another model of this list",
    ],
    [
      'a reranker outside without a way out',
      sample({ reranker: { url: 'https://rerank.example.com' }, aws: { nat: 'none' } }),
      "given 'none' with reranker, which lies outside; allowed: 'instance', 'single', 'per-az', or leave reranker out",
    ],
    [
      "a provider's parser without a way out",
      sample({ parser: { backend: 'unstructured', url: 'https://parser.example.com' }, aws: { nat: 'none' } }),
      "given 'none' with parser, which lies outside; allowed: 'instance', 'single', 'per-az', or leave parser out",
    ],
    [
      'neither a way out nor endpoints',
      sample({ aws: { nat: 'none', endpoints: false } }),
      "given false with nat: 'none'; tiers then reach no AWS API: allowed is true, or another nat",
    ],
    [
      'timeouts out of order',
      sample({ limits: { turnTimeoutMs: 115_000 } }),
      'given turnTimeoutMs 115000, deregistrationDelayMs 110000, stopTimeoutMs 120000; allowed: each at most the next',
    ],
    [
      'a stop timeout that Fargate does not have',
      sample({ limits: { stopTimeoutMs: 140_000 } }),
      "given 140000; 'web' is on 'ecs', where Fargate allows at most 120000",
    ],
    [
      'spot capacity where there is none',
      sample({
        tiers: { 'document-worker': { platform: 'vm', vcpu: 0.4, memoryMiB: 1024, spotPercent: 50 } } as never,
      }),
      "given 50 on 'vm'; spot capacity is offered on 'ecs'",
    ],
    [
      'a document-worker without room for its documents',
      sample({ tiers: { 'document-worker': { platform: 'ecs', vcpu: 0.25, memoryMiB: 512 } } as never }),
      'given 512; allowed with parserChildren 4 and uploads of 100000000 bytes: at least 959',
    ],
    [
      'more connections than the database takes',
      chat({ replicas: { min: 1, max: 9 } }),
      "given 'db.t4g.micro', which takes at most 112 connections; 12 replicas may open 10 each: allowed are fewer replicas or a larger class",
    ],
    ['a machine without an image', { ...chat({ platform: 'vm' }), aws: withoutAmi() }, "missing; a tier is on 'vm'"],
    ['no aws block', { ...sample(), aws: undefined }, "missing; required with target: 'aws'"],
    ['an environment with a long name', sample({ name: 'production' }), 'must be 2 to 8 lower-case letters or digits'],
    [
      'a cost above the ceiling',
      sample({ aws: { monthlyCeilingUsd: 50 } }),
      /^the environment costs \$\d+\.\d\d a month, the ceiling is \$50\.00; most of it: .*(change|raise monthlyCeilingUsd)/,
    ],
    ['a setting that does not exist', sample({ aws: { natt: 'single' } as never }), /[Uu]nrecognized key: "natt"/],
    ['a password as a setting', sample({ aws: { password: 'x' } as never }), /[Uu]nrecognized key: "password"/],
  ])('%s', (_what, input, says) => {
    expect(synthOf(input)).toThrow(says);
  });

  test('the sample itself is fine', () => {
    expect(synthOf(sample())).not.toThrow();
  });
});

function withoutAmi(): EnvironmentInput['aws'] {
  const { ami: _ami, ...aws } = sample().aws as NonNullable<EnvironmentInput['aws']>;
  return aws;
}
