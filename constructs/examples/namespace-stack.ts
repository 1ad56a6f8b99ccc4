/** What tiers of an environment find in a cluster that is there, and what its nodes may reach. */
import { AwsProvider } from '@cdktf/provider-aws/lib/provider/index.js';
import { KubernetesProvider } from '@cdktf/provider-kubernetes/lib/provider/index.js';
import { TerraformStack } from 'cdktf';
import type { Construct } from 'constructs';
import { placements } from '../../environments/schema/placement.ts';
import { connections } from '../../environments/wiring/connections.ts';
import type { ServiceDefinition } from '../../services/definition.ts';
import { LogCollector } from '../platforms/kubernetes/log-collector.ts';
import { Namespace } from '../platforms/kubernetes/namespace.ts';
import { NodeRules } from '../platforms/kubernetes/node-rules.ts';

const definition: ServiceDefinition = {
  port: 3000,
  routes: ['/*'],
  healthPath: '/api/health',
  calls: [],
  uses: ['postgres'],
  egress: [],
  settings: [],
  workload: 'interactive',
};

export interface NamespaceStackProps {
  /** Name of the namespace. @example 'example-dev' */
  readonly prefix: string;
  readonly region: string;
  /** Security groups of what the pods meet. */
  readonly groups: Readonly<Record<'publicBalancer' | 'postgres' | 'redis', string>>;
}

export class NamespaceStack extends TerraformStack {
  constructor(scope: Construct, id: string, { prefix, region, groups }: NamespaceStackProps) {
    super(scope, id);
    new AwsProvider(this, 'aws', { region });
    new KubernetesProvider(this, 'kubernetes', { configPath: '~/.kube/config' });
    const namespace = new Namespace(this, 'namespace', {
      prefix,
      version: '1.34',
      placements: placements('grafana', definition, {
        platform: 'kubernetes',
        vcpu: 0.25,
        memoryMiB: 512,
        replicas: { min: 1, max: 3 },
      }),
    });
    new LogCollector(this, 'logs', {
      namespace: namespace.name,
      region,
      logGroups: { grafana: `/${prefix}/grafana` },
    });
    new NodeRules(this, 'rules', {
      edges: connections({ grafana: definition }),
      tiers: ['grafana'],
      portOf: () => definition.port,
      pods: { cidr: '10.20.0.0/16' },
      internalBalancer: undefined,
      ...groups,
    });
  }
}
