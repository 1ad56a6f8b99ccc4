/** A tier on its own, with plain words where a stack would give references. */
import { AwsProvider } from '@cdktf/provider-aws/lib/provider/index.js';
import { KubernetesProvider } from '@cdktf/provider-kubernetes/lib/provider/index.js';
import { App, TerraformStack, Testing } from 'cdktf';
import { Construct } from 'constructs';
import { Namespace } from '../../../constructs/platforms/kubernetes/namespace.ts';
import { pathRoutes, Tier } from '../../../constructs/tier/tier.ts';
import type { KubernetesContext, TierProps } from '../../../constructs/tier/tier-props.ts';
import type { Placement } from '../../../environments/schema/placement.ts';
import { callsOf, definitionOf, type ServiceName, services } from '../../../services/manifest.ts';
import type { StackJson } from '../../stacks/synthesized.ts';

export const digest = `sha256:${'a'.repeat(64)}`;

export const placement = (changes: Partial<Placement> = {}): Placement => ({
  platform: 'ecs',
  vcpu: 0.5,
  memoryMiB: 1024,
  replicas: { min: 1, max: 1 },
  weight: 100,
  spotPercent: 0,
  options: {},
  ...changes,
});

export const context: TierProps['context'] = {
  prefix: 'bulkhead-test',
  environment: 'test',
  region: 'us-east-1',
  accountId: '111122223333',
  architecture: 'arm64',
  ami: 'ami-0123456789abcdef0',
  vpcId: 'vpc-1',
  privateSubnetIds: ['subnet-a', 'subnet-b'],
  cluster: { arn: 'arn:cluster', name: 'bulkhead-test' },
  keyArn: 'arn:key',
  logRetentionDays: 30,
  alarmTopicArn: 'arn:topic',
  documentsArn: 'arn:documents',
  publicListenerArn: 'arn:listener',
  internalBalancerArn: 'arn:internal',
  balancerSuffixes: { public: 'app/public/1', internal: 'app/internal/1' },
  limits: { deregistrationDelayMs: 110_000, stopTimeoutMs: 120_000, uploadBytesMax: 100_000_000 },
};

export interface TierChanges extends Partial<Omit<TierProps, 'placements' | 'service'>> {
  readonly placements?: readonly Placement[];
  /** Of a cluster. @default true */
  readonly externalMetrics?: boolean;
}

/** A cluster for tests: its objects lie in the same stack, below `kubernetes`. */
function cluster(stack: TerraformStack, placements: readonly Placement[], externalMetrics: boolean): KubernetesContext {
  new KubernetesProvider(stack, 'kubernetes-provider', {});
  const scope = new Construct(stack, 'kubernetes');
  const namespace = new Namespace(scope, 'namespace', { prefix: 'bulkhead-test', version: '1.34', placements });
  return {
    ...{ scope, cluster: 'there', namespace: namespace.name, after: namespace.resources, secretsRevision: 1 },
    externalMetrics,
    blocks: {
      network: '10.0.0.0/16',
      publicBalancer: ['10.0.0.0/20'],
      internalBalancer: ['10.0.64.0/20'],
      stores: ['10.0.128.0/20'],
    },
    portOf: (service) => definitionOf(service as ServiceName).port,
    egressPorts: (endpoint) => (endpoint === 'model' ? [8443] : []),
  };
}

/** The Terraform of one tier. `Testing.synth(stack, true)` runs the validations too. */
export function tierJson(service: ServiceName, { externalMetrics = true, ...changes }: TierChanges = {}): StackJson {
  const stack = new TerraformStack(new App(), 'test');
  new AwsProvider(stack, 'aws', { region: 'us-east-1' });
  const placements = changes.placements ?? [placement()];
  const onKubernetes = placements.filter(({ platform }) => platform === 'kubernetes');
  new Tier(stack, service, {
    service,
    definition: definitionOf(service),
    routes: pathRoutes(services)(service),
    placements,
    image: { digest, repositoryUrl: `registry/${service}`, repositoryArn: `arn:repository/${service}` },
    settings: () => ({ PORT: '1' }),
    secrets: { DATABASE_URL: 'arn:database', AUTH_SECRET: 'arn:auth', DATABASE_OWNER_URL: 'arn:owner' },
    called: service === 'vectorstore',
    calls: callsOf(service),
    ...changes,
    context: {
      ...(changes.context ?? context),
      ...(onKubernetes.length > 0 && { kubernetes: cluster(stack, onKubernetes, externalMetrics) }),
    },
  });
  return JSON.parse(Testing.synth(stack, true)) as StackJson;
}
