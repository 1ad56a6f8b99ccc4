/**
 * The constructs with somebody else's services: Qdrant on instances, and before it Grafana on Fargate. A service is its
 * definition; nothing here is named in services/manifest.ts.
 *
 * A person reaches Grafana alone, Grafana reaches Qdrant, Qdrant reaches nobody: each edge is a pair of security-group
 * rules that `calls` and `routes` ask for. To run it: an App with this stack, your own certificate, AMI and digests.
 */
import { DataAwsCallerIdentity } from '@cdktf/provider-aws/lib/data-aws-caller-identity/index.js';
import { EcsCluster } from '@cdktf/provider-aws/lib/ecs-cluster/index.js';
import { AwsProvider } from '@cdktf/provider-aws/lib/provider/index.js';
import { TerraformStack } from 'cdktf';
import type { Construct } from 'constructs';
import { type BasePlacementInput, placements } from '../../environments/schema/placement.ts';
import { addressSettings, calledServices, callsFrom, connections } from '../../environments/wiring/connections.ts';
import type { ServiceDefinition } from '../../services/definition.ts';
import { Balancer, publicListener } from '../network/balancer.ts';
import { Firewall } from '../network/firewall.ts';
import { Network } from '../network/network.ts';
import { SecurityRules } from '../network/security-rules.ts';
import { AlarmTopic } from '../observability/alarm-topic.ts';
import { Dashboard } from '../observability/dashboard.ts';
import { Key } from '../stores/key.ts';
import { Secret } from '../stores/secrets.ts';
import { pathRoutes, Tier } from '../tier/tier.ts';
import type { TierContext } from '../tier/tier-props.ts';

const definitions = {
  grafana: {
    port: 3000,
    routes: ['/*'],
    healthPath: '/api/health',
    calls: ['qdrant'],
    uses: [],
    // Plugins.
    egress: ['https'],
    settings: ['GF_PATHS_DATA', 'GF_PATHS_PLUGINS', 'QDRANT_URL', 'GF_SECURITY_ADMIN_PASSWORD'],
    initStep: {
      command: ['grafana', 'cli', '--pluginsDir=/tmp/plugins', 'plugins', 'install', 'yesoreyeram-infinity-datasource'],
      settings: [],
    },
    workload: 'interactive',
    interruptible: true,
  },
  qdrant: {
    port: 6333,
    routes: [],
    healthPath: '/readyz',
    calls: [],
    uses: [],
    egress: [],
    settings: ['QDRANT__STORAGE__STORAGE_PATH', 'QDRANT__STORAGE__SNAPSHOTS_PATH'],
    workload: 'sustained',
    balancing: 'least_outstanding_requests',
  },
} as const satisfies Record<string, ServiceDefinition>;
type Name = keyof typeof definitions;

/** Swap a platform by changing its word. */
const where: Readonly<Record<Name, BasePlacementInput>> = {
  grafana: { platform: 'ecs', vcpu: 0.25, memoryMiB: 512, replicas: { min: 1, max: 3 } },
  qdrant: { platform: 'vm', vcpu: 1, memoryMiB: 2048 },
};

/** The root file system is read-only; what is written goes to `/tmp`, and is gone with the replica. */
const settings: Readonly<Record<Name, Readonly<Record<string, string>>>> = {
  grafana: { GF_PATHS_DATA: '/tmp/grafana', GF_PATHS_PLUGINS: '/tmp/plugins' },
  qdrant: { QDRANT__STORAGE__STORAGE_PATH: '/tmp/storage', QDRANT__STORAGE__SNAPSHOTS_PATH: '/tmp/snapshots' },
};

export interface ThirdPartyProps {
  /** Prefix of every name. @example 'example-dev' */
  readonly prefix: string;
  readonly region: string;
  readonly certificateArn: string;
  /** Amazon Linux 2023. */
  readonly ami: string;
  /** Repository and digest of each image. */
  readonly images: Readonly<Record<Name, { readonly repositoryUrl: string; readonly digest: string }>>;
}

export class ThirdPartyStack extends TerraformStack {
  constructor(scope: Construct, id: string, { prefix, region, certificateArn, ami, images }: ThirdPartyProps) {
    super(scope, id);
    new AwsProvider(this, 'aws', { region });
    const { accountId } = new DataAwsCallerIdentity(this, 'account');
    const shared = { prefix, region, accountId, ephemeral: true };
    const keyArn = new Key(this, 'key', shared).arn;
    const network = new Network(this, 'network', {
      ...{ prefix, region, zones: ['a', 'b'], cidr: '10.0.0.0/16', nat: 'single', endpoints: false },
      natInstance: undefined,
    });
    const balancer = (side: 'public' | 'internal') =>
      new Balancer(this, side, {
        ...{ prefix, vpcId: network.vpcId, internal: side === 'internal' },
        subnetIds: side === 'public' ? network.publicSubnetIds : network.privateSubnetIds,
        turnTimeoutMs: 60_000,
        deletionProtection: false,
      });
    const [outside, inside] = [balancer('public'), balancer('internal')];
    new Firewall(this, 'firewall', {
      prefix,
      balancerArn: outside.arn,
      allowedCidrs: ['203.0.113.0/24'],
      requestsPerFiveMinutes: 2000,
    });
    const context: TierContext = {
      ...{ prefix, environment: prefix, region, accountId, architecture: 'x86_64', ami, keyArn },
      vpcId: network.vpcId,
      privateSubnetIds: network.privateSubnetIds,
      cluster: { arn: new EcsCluster(this, 'cluster', { name: prefix }).arn, name: prefix },
      logRetentionDays: 30,
      alarmTopicArn: new AlarmTopic(this, 'alarms', { prefix, accountId, keyArn, email: undefined }).arn,
      documentsArn: undefined,
      publicListenerArn: publicListener(outside, certificateArn),
      internalBalancerArn: inside.arn,
      balancerSuffixes: { public: outside.arnSuffix, internal: inside.arnSuffix },
      limits: { deregistrationDelayMs: 60_000, stopTimeoutMs: 60_000, uploadBytesMax: 0 },
    };
    const password = new Secret(this, 'password', {
      ...{ name: `${prefix}/GF_SECURITY_ADMIN_PASSWORD`, description: 'of the administrator', keyArn },
      ephemeral: true,
      value: 'random',
    });

    const edges = connections(definitions);
    const addresses = addressSettings(
      definitions,
      edges,
      (name) => `http://${inside.dnsName}:${definitions[name].port}`,
    );
    const routesOf = pathRoutes(definitions);
    const tiers = (Object.keys(definitions) as Name[]).map((name) => {
      const tier = new Tier(this, name, {
        service: name,
        definition: definitions[name],
        routes: routesOf(name),
        context,
        placements: placements(name, definitions[name], where[name]),
        image: images[name],
        settings: () => ({ ...settings[name], ...(name === 'grafana' && addresses) }),
        secrets: { GF_SECURITY_ADMIN_PASSWORD: password.arn },
        called: calledServices(edges).includes(name),
        calls: callsFrom(edges, name),
      });
      return [name, { securityGroupId: tier.securityGroupId, port: definitions[name].port }] as const;
    });
    new SecurityRules(this, 'connections', {
      edges,
      tiers: Object.fromEntries(tiers),
      publicBalancer: outside.securityGroupId,
      internalBalancer: inside.securityGroupId,
      postgres: undefined,
      redis: undefined,
      s3PrefixListId: network.s3PrefixListId,
      endpoints: undefined,
      egressPorts: () => [443],
    });
    new Dashboard(this, 'dashboard', { context, services: definitions, balancer: outside, database: undefined });
  }
}
