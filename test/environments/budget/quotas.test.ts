import { describe, expect, test } from '@jest/globals';
import { quotaLines, quotaUses } from '../../../environments/budget/quotas.ts';
import { type EnvironmentInput, resolveEnvironment } from '../../../environments/environment.ts';
import { kubernetesNodes } from '../../../environments/schema/kubernetes.ts';
import { onAws } from '../../../stacks/on-aws.ts';
import { sample } from '../sample.ts';

const uses = (input: EnvironmentInput, rules = 12) => {
  const { aws, tiers, kubernetes: settings } = onAws(resolveEnvironment(input));
  const kubernetes = settings && kubernetesNodes(settings, aws.architecture);
  const found = quotaUses({ aws, tiers: tiers as never, kubernetes }, rules);
  return Object.fromEntries(found.map(({ what, asked }) => [what, asked]));
};

describe('of an account', () => {
  test('an environment takes twice its most replicas while all of it rolls out', () => {
    const chat = { platform: 'ecs', vcpu: 0.25, memoryMiB: 512, slots: 32, replicas: { min: 1, max: 8 } } as const;
    expect(uses(sample({ tiers: { chat } as never }))).toEqual({
      // web, api, vectorstore 0.25 each, document-worker 0.5, chat 8 x 0.25; twice.
      'Fargate vCPU': 6.5,
      'Elastic IPs': 1,
      'rules of one direction in a security group': 12,
    });
  });

  test('spot capacity and instances have quotas of their own', () => {
    const worker = { platform: 'ecs', vcpu: 1, memoryMiB: 2048, replicas: 4, spotPercent: 50 } as const;
    const web = { platform: 'vm', vcpu: 0.4, memoryMiB: 1024 } as const;
    const taken = uses(sample({ tiers: { 'document-worker': worker, web } as never, aws: { nat: 'instance' } }));
    // t4g.small or smaller has 2 vCPU; the NAT instance, too.
    expect(taken).toMatchObject({ 'Fargate Spot vCPU': 4, 'vCPU of instances': 6, 'Elastic IPs': 1 });
  });

  test("an own cluster's nodes are instances, as many as the budgets need or as it says; another's are its owner's", () => {
    const pods = { platform: 'kubernetes', vcpu: 0.5, memoryMiB: 1024, slots: 32, replicas: 5 } as const;
    const own = { cluster: 'make', apiCidrs: [] };
    const vcpuOf = (kubernetes: EnvironmentInput['kubernetes'], tiers: object = { chat: pods }) =>
      uses(sample({ kubernetes, tiers: tiers as never }))['vCPU of instances'];
    // kubernetes-nodes.test.ts has the three by hand; an m7g.large has 2 vCPU.
    expect(vcpuOf(own)).toBe(3 * 2);
    expect(vcpuOf(own, {})).toBe(2 * 2);
    expect(vcpuOf({ ...own, nodes: 7 })).toBe(7 * 2);
    expect(vcpuOf({ cluster: 'company', podCidr: '10.20.0.0/16' })).toBeUndefined();
  });

  test('a way out per zone takes an address in each; one that is named takes none', () => {
    expect(uses(sample({ aws: { nat: 'per-az', zones: ['a', 'b', 'c'] } }))['Elastic IPs']).toBe(3);
    expect(uses(sample({ aws: { nat: 'none' } }))['Elastic IPs']).toBeUndefined();
  });
});

test('what a new account does not have is printed with the command that asks for it', () => {
  const use = { what: 'Fargate vCPU', standard: 6, service: 'fargate', code: 'L-3032A538' };
  expect(quotaLines([{ ...use, asked: 6.5 }], 'eu-west-1')).toBe(
    [
      'quotas, during a rollout of everything at once:',
      '  Fargate vCPU: 6.5 (a new account has 6)',
      '    aws service-quotas request-service-quota-increase --region eu-west-1 --service-code fargate --quota-code L-3032A538 --desired-value 7',
    ].join('\n'),
  );
  expect(quotaLines([{ ...use, asked: 6 }], 'eu-west-1')).not.toContain('aws service-quotas');
});
