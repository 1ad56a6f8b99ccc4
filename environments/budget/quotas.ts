/**
 * What an environment takes of an account's quotas, and the command that asks for more. A new account has the standard;
 * what yours has, and what others take of it, synth cannot know.
 */
import type { CostedEnvironment } from '../pricing/costed-environment.ts';
import { instanceFor } from './budget.ts';
import { instanceTypes } from './instance-types.ts';
import { nodesOf } from './kubernetes-nodes.ts';

export interface QuotaUse {
  readonly what: string;
  readonly asked: number;
  readonly standard: number;
  /** For the AWS CLI. */
  readonly service: string;
  readonly code: string;
}

/** Standards: the console's Service Quotas, and the pages of Fargate, EC2 and VPC named there. */
const quotas = {
  fargate: { what: 'Fargate vCPU', standard: 6, service: 'fargate', code: 'L-3032A538' },
  spot: { what: 'Fargate Spot vCPU', standard: 6, service: 'fargate', code: 'L-36FBB829' },
  instances: { what: 'vCPU of instances', standard: 5, service: 'ec2', code: 'L-1216C47A' },
  addresses: { what: 'Elastic IPs', standard: 5, service: 'ec2', code: 'L-0263D0A3' },
  rules: { what: 'rules of one direction in a security group', standard: 60, service: 'vpc', code: 'L-0EA8095F' },
} as const;

type Asking = Pick<CostedEnvironment, 'tiers' | 'kubernetes'> & { readonly aws: CostedEnvironment['aws'] };

/** @param rulesMax the most rules of one direction that one security group has; the stacks know */
export function quotaUses({ tiers, aws, kubernetes }: Asking, rulesMax: number): QuotaUse[] {
  const places = Object.values(tiers).flat();
  // A rollout has every replica twice for a while; all tiers may roll out in one deploy.
  const during = places.map((place) => ({ ...place, most: 2 * place.replicas.max }));
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const onEcs = during.filter(({ platform }) => platform === 'ecs');
  const spot = sum(onEcs.map(({ most, vcpu, spotPercent }) => (most * vcpu * spotPercent) / 100));
  const vcpuOf = (name: string) => instanceTypes.find((type) => type.name === name)?.vcpu ?? 0;
  const onVm = during
    .filter(({ platform }) => platform === 'vm')
    .map(({ most, vcpu, memoryMiB }) => {
      const { instanceType } = instanceFor({ vcpu, memoryMiB }, aws.region, { architecture: aws.architecture });
      return most * vcpuOf(instanceType);
    });
  const ownNat = !aws.existing?.network;
  const nat = ownNat && aws.nat === 'instance';
  const nodes = kubernetes ? nodesOf(kubernetes, places) * vcpuOf(kubernetes.instanceType) : 0;
  const gateways = { none: 0, instance: 1, single: 1, 'per-az': aws.zones.length }[aws.nat];
  const asked = {
    fargate: sum(onEcs.map(({ most, vcpu }) => most * vcpu)) - spot,
    spot,
    // The NAT instance has two.
    instances: sum(onVm) + (nat ? 2 : 0) + nodes,
    addresses: ownNat ? gateways : 0,
    rules: rulesMax,
  };
  return Object.entries(quotas)
    .map(([name, quota]) => ({ ...quota, asked: asked[name as keyof typeof quotas] }))
    .filter((use) => use.asked > 0);
}

/** What synth prints: each quota, and for what a new account does not have the command. */
export function quotaLines(uses: readonly QuotaUse[], region: string): string {
  const lines = uses.flatMap(({ what, asked, standard, service, code }) => [
    `  ${what}: ${asked} (a new account has ${standard})`,
    ...(asked > standard
      ? [
          `    aws service-quotas request-service-quota-increase --region ${region} --service-code ${service} ` +
            `--quota-code ${code} --desired-value ${Math.ceil(asked)}`,
        ]
      : []),
  ]);
  return ['quotas, during a rollout of everything at once:', ...lines].join('\n');
}
