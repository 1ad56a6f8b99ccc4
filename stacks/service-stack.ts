/** The tiers and the wires between them. Nothing in it holds state: all of it may be destroyed and made again. */
import { EcsCluster } from '@cdktf/provider-aws/lib/ecs-cluster/index.js';
import { EcsClusterCapacityProviders } from '@cdktf/provider-aws/lib/ecs-cluster-capacity-providers/index.js';
import { Route53Record } from '@cdktf/provider-aws/lib/route53-record/index.js';
import { TerraformOutput } from 'cdktf';
import type { Construct } from 'constructs';
import { Balancer, publicListener } from '../constructs/network/balancer.ts';
import { Firewall } from '../constructs/network/firewall.ts';
import { SecurityRules } from '../constructs/network/security-rules.ts';
import { offeredInZones } from '../constructs/network/zone-offerings.ts';
import { alarm } from '../constructs/observability/alarm.ts';
import { Dashboard } from '../constructs/observability/dashboard.ts';
import { operatorOutputs } from '../constructs/observability/operator-outputs.ts';
import { justify } from '../constructs/policies/justified.ts';
import { rdsAuthoritiesPath } from '../constructs/stores/rds-authorities.ts';
import { pathRoutes, Tier } from '../constructs/tier/tier.ts';
import type { TierContext } from '../constructs/tier/tier-props.ts';
import { instanceFor } from '../environments/budget/budget.ts';
import { heapFlags } from '../environments/budget/heap.ts';
import { placedDefinitions, placedServices, placementsOf } from '../environments/environment.ts';
import { rotationCount } from '../environments/schema/secret-versions.ts';
import { addressSettings, calledServices, callsFrom, environmentEdges } from '../environments/wiring/connections.ts';
import { serviceSettings } from '../environments/wiring/settings.ts';
import {
  definitionOf,
  type Egress,
  type ServiceName,
  type SettingName,
  services,
  usesStore,
} from '../services/manifest.ts';
import { type AwsEnvironment, BaseStack } from './base-stack.ts';
import type { FoundationStack } from './foundation-stack.ts';
import type { Images } from './images/digests.ts';
import type { ClusterStack } from './kubernetes/cluster-stack.ts';
import { KubernetesParts, kubernetesContext } from './kubernetes/kubernetes-parts.ts';
import type { KubernetesStack } from './kubernetes/kubernetes-stack.ts';

export class ServiceStack extends BaseStack {
  readonly tiers: Readonly<Partial<Record<ServiceName, Tier>>>;

  constructor(
    scope: Construct,
    environment: AwsEnvironment,
    foundation: FoundationStack,
    images: Images,
    /** The stack of its tiers in a cluster. */
    kubernetes?: KubernetesStack,
    /** Where that cluster is its own. */
    ownCluster?: ClusterStack,
  ) {
    super(scope, 'service', environment);
    const { prefix } = this;
    const { aws, limits } = environment;
    const { network } = foundation;
    const placed = placedServices(environment);
    const definitions = placedDefinitions(environment);
    const edges = environmentEdges(environment);
    const called = calledServices(edges);
    // Of all services: a tier that is placed later leaves the priorities of the others as they are.
    const routesOf = pathRoutes(services);

    const balancer = (id: 'public' | 'internal', subnetIds: readonly string[]) =>
      new Balancer(this, id, {
        prefix,
        vpcId: network.vpcId,
        subnetIds,
        internal: id === 'internal',
        turnTimeoutMs: limits.turnTimeoutMs,
        deletionProtection: !aws.ephemeral,
        auditBucket: foundation.auditBucket,
        firewalled: id === 'public' && aws.firewall !== undefined,
      });
    const outside = balancer('public', network.publicSubnetIds);
    if (aws.firewall) new Firewall(this, 'firewall', { prefix, balancerArn: outside.arn, ...aws.firewall });
    const inside = called.length > 0 ? balancer('internal', network.privateSubnetIds) : undefined;

    const context: TierContext = {
      prefix,
      environment: environment.name,
      region: aws.region,
      accountId: this.accountId,
      architecture: aws.architecture,
      ami: aws.ami,
      vpcId: network.vpcId,
      privateSubnetIds: network.privateSubnetIds,
      cluster: this.cluster(),
      keyArn: foundation.key.arn,
      logRetentionDays: aws.logRetentionDays,
      alarmTopicArn: foundation.alarms.arn,
      documentsArn: foundation.documents.bucketArn,
      publicListenerArn: publicListener(outside, foundation.certificateArn),
      internalBalancerArn: inside?.arn,
      balancerSuffixes: { public: outside.arnSuffix, internal: inside?.arnSuffix ?? '' },
      limits,
      ...(kubernetes && {
        kubernetes: kubernetesContext(kubernetes, environment, foundation, egressPorts),
      }),
    };
    const addresses: Partial<Record<SettingName, string>> = {
      HOST: '0.0.0.0',
      PUBLIC_URL: `https://${aws.publicHost}`,
      DOCUMENT_STORE_URL: foundation.documents.url,
      ...addressSettings(definitions, edges, (name) => `http://${inside?.dnsName}:${definitionOf(name).port}`),
      ...(aws.oidc && { OIDC_ISSUER: aws.oidc.issuer, OIDC_CLIENT_ID: aws.oidc.clientId }),
      ...(aws.oidc?.trustUnverifiedEmail && { OIDC_UNVERIFIED_EMAIL_ISSUER: aws.oidc.issuer }),
      ...(aws.mail && { MAIL_FROM: aws.mail.from }),
    };
    this.tiers = Object.fromEntries(
      placed.map((name) => {
        const taken = new Set<string>(definitionOf(name).settings);
        const rotated = rotationCount(aws.secretVersions, definitionOf(name));
        const own = Object.fromEntries(Object.entries(addresses).filter(([setting]) => taken.has(setting)));
        return [
          name,
          new Tier(this, name, {
            service: name,
            definition: definitionOf(name),
            routes: routesOf(name),
            context,
            placements: placementsOf(environment, name),
            image: {
              digest: images[name],
              repositoryUrl: this.repository(foundation, name).url,
              repositoryArn: this.repository(foundation, name).arn,
            },
            settings: (placement) => ({
              ...serviceSettings(environment, name, placement),
              ...own,
              // Fargate sets it by itself, a container on an instance has nobody else.
              AWS_REGION: aws.region,
              NODE_OPTIONS: heapFlags(name, placement.memoryMiB).join(' '),
              // Secrets are read at the start: another number makes new replicas, rolled out as everything is.
              ...(rotated > 0 && { SECRETS_VERSION: String(rotated + 1) }),
              // PostgreSQL's certificate is checked against them.
              ...(usesStore(name, 'postgres') && {
                NODE_EXTRA_CA_CERTS: rdsAuthoritiesPath,
              }),
            }),
            secrets: foundation.secrets(name),
            called: called.includes(name),
            calls: callsFrom(edges, name),
          }),
        ];
      }),
    );
    const onVm = placed.flatMap((name) => placementsOf(environment, name)).filter(({ platform }) => platform === 'vm');
    const types = onVm.map((placement) => instanceFor(placement, aws.region, aws).instanceType);
    for (const type of new Set(types)) offeredInZones(this, type, aws);
    new SecurityRules(this, 'connections', {
      edges,
      tiers: Object.fromEntries(
        Object.entries(this.tiers).map(([name, { securityGroupId }]) => [
          name,
          { securityGroupId, port: definitionOf(name as ServiceName).port },
        ]),
      ),
      publicBalancer: outside.securityGroupId,
      internalBalancer: inside?.securityGroupId,
      postgres: foundation.postgres.securityGroupId,
      redis: foundation.redis.securityGroupId,
      s3PrefixListId: network.s3PrefixListId,
      endpoints: network.endpointSecurityGroupId,
      egressPorts: ({ to }) => egressPorts(environment, to as Egress),
    });
    if (kubernetes)
      new KubernetesParts(this, 'kubernetes', {
        stack: kubernetes,
        prefix,
        accountId: this.accountId,
        logGroupArns: kubernetes.tierNames.map((name) => (this.tiers[name as ServiceName] as Tier).logGroupArn),
        edges,
        publicBalancer: outside.securityGroupId,
        internalBalancer: inside?.securityGroupId,
        foundation,
        own: ownCluster,
      });
    alarm(outside, 'errors', {
      name: `${prefix}-balancer-errors`,
      // Its own errors alone: a 503 of chat is an answer ('come back'), and services count their errors themselves.
      description: 'the public balancer finds no replica that answers',
      namespace: 'AWS/ApplicationELB',
      metric: 'HTTPCode_ELB_5XX_Count',
      dimensions: { LoadBalancer: outside.arnSuffix },
      statistic: 'Sum',
      above: 10,
      periods: 1,
      topicArn: context.alarmTopicArn,
    });
    new Dashboard(this, 'dashboard', {
      context,
      services: definitions,
      balancer: outside,
      database: aws.existing.postgres ? undefined : foundation.prefix,
    });
    if (aws.hostedZoneId)
      new Route53Record(this, 'address', {
        zoneId: aws.hostedZoneId,
        name: aws.publicHost,
        type: 'A',
        alias: { name: outside.dnsName, zoneId: outside.zoneId, evaluateTargetHealth: true },
      });
    operatorOutputs(this, { context, tiers: placed });
    new TerraformOutput(this, 'url', { value: `https://${aws.publicHost}`, staticId: true });
    new TerraformOutput(this, 'balancer', {
      value: outside.dnsName,
      description: `where the name ${aws.publicHost} has to point`,
      staticId: true,
    });
  }

  /** Free, and there even when no tier is on ECS: a swap to it then adds the tier's own parts alone. */
  private cluster(): TierContext['cluster'] {
    const cluster = new EcsCluster(this, 'cluster', {
      name: this.prefix,
      // Container Insights is billed per metric; the services publish what scaling and alarms need.
      setting: [{ name: 'containerInsights', value: 'disabled' }],
    });
    justify(cluster, { CKV_AWS_65: 'billed per metric and task; the services publish what scaling and alarms need' });
    const capacity = new EcsClusterCapacityProviders(this, 'capacity', {
      clusterName: cluster.name,
      capacityProviders: ['FARGATE', 'FARGATE_SPOT'],
    });
    return { arn: cluster.arn, name: this.prefix, capacity };
  }

  private repository(foundation: FoundationStack, name: ServiceName) {
    const repository = foundation.images.repositories[name];
    if (!repository) throw new Error(`no image repository for '${name}' in ${foundation.node.id}`);
    return repository;
  }
}

/** Ports of foreign endpoints that this environment has: the port of each URL, or its scheme's. */
export function egressPorts(environment: AwsEnvironment, to: Egress): number[] {
  const { chatModel, models = [], reranker, parser, embeddingModel, aws } = environment;
  if (to === 'mail') return aws.mail ? [aws.mail.port] : [];
  if (to === 'webhook') return environment.webhooks?.ports ?? [];
  const urls = {
    model: [chatModel?.url, ...models.map(({ url }) => url)],
    rerank: [reranker?.url],
    parser: [parser?.url],
    embedding: [embeddingModel?.url],
    'identity-provider': [aws.oidc?.issuer],
  }[to];
  return [...new Set(urls.flatMap((url) => (url ? [portOf(url)] : [])))];
}

function portOf(url: string): number {
  const { port, protocol } = new URL(url);
  return port ? Number(port) : protocol === 'http:' ? 80 : 443;
}
