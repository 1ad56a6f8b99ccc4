/**
 * A tier: one service on its own fixed resources.
 *
 * The tier owns what must not change when its platform does: security group, log group, route, alarms. Its platform
 * children, one for each placement, own their compute and the target group in front of it. During a live swap there are
 * two children and the route shares requests by weight.
 */
import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group/index.js';
import { LbListener } from '@cdktf/provider-aws/lib/lb-listener/index.js';
import { LbListenerRule } from '@cdktf/provider-aws/lib/lb-listener-rule/index.js';
import { SecurityGroup } from '@cdktf/provider-aws/lib/security-group/index.js';
import type { TerraformResource } from 'cdktf';
import { Construct } from 'constructs';
import { nameOf } from '../../environments/wiring/names.ts';
import type { PlainSettings } from '../../environments/wiring/plain-settings.ts';
import { routeTable, type ServiceName, type SettingName, services } from '../../services/manifest.ts';
import { type PlatformName, platformNames, platforms } from '../platforms/platforms.ts';
import { TierAlarms } from './tier-alarms.ts';

/** Compute of one tier on one platform: its share, and what it costs to leave. */
export interface TierPlacement {
  readonly platform: string;
  readonly vcpu: number;
  readonly memoryMiB: number;
  readonly replicas: { readonly min: number; readonly max: number };
  /** Share of the requests in a list of placements. */
  readonly weight: number;
  /** chat: answers in flight per replica. */
  readonly slots?: number | undefined;
  /** Share of replicas on spot capacity, in percent. */
  readonly spotPercent: number;
}

/** What the stack offers to every tier of an environment. */
export interface TierContext {
  /** @example 'bulkhead-dev' */
  readonly prefix: string;
  readonly environment: string;
  readonly region: string;
  readonly accountId: string;
  readonly architecture: 'arm64' | 'x86_64';
  readonly ami: string | undefined;
  readonly vpcId: string;
  readonly privateSubnetIds: readonly string[];
  readonly cluster: {
    readonly arn: string;
    readonly name: string;
    /** Which capacity it may take: there before a service asks for it, and gone after. */
    readonly capacity?: TerraformResource;
  };
  readonly keyArn: string;
  readonly logRetentionDays: number;
  readonly alarmTopicArn: string;
  /** Bucket of the document store. */
  readonly documentsArn: string;
  readonly publicListenerArn: string;
  readonly internalBalancerArn: string | undefined;
  /** How each balancer's metrics name it. */
  readonly balancerSuffixes: { readonly public: string; readonly internal: string };
  readonly limits: {
    readonly deregistrationDelayMs: number;
    readonly stopTimeoutMs: number;
    readonly uploadBytesMax: number;
  };
}

export interface TierProps {
  readonly service: ServiceName;
  readonly placements: readonly TierPlacement[];
  readonly context: TierContext;
  readonly image: { readonly digest: string; readonly repositoryUrl: string; readonly repositoryArn: string };
  /** Plain settings of a replica on this placement. */
  readonly settings: (placement: TierPlacement) => PlainSettings;
  /** ARN of the secret behind each secret setting. */
  readonly secrets: Partial<Record<SettingName, string>>;
  /** Whether other tiers call it. */
  readonly called: boolean;
  /** Tiers that it calls; an optional one that is not placed is none of them. */
  readonly calls: readonly string[];
}

/** What a platform child is given. */
export interface PlatformProps extends Omit<TierProps, 'placements' | 'settings'> {
  readonly placement: TierPlacement;
  readonly settings: PlainSettings;
  readonly securityGroupId: string;
  readonly logGroup: { readonly name: string; readonly arn: string };
}

/** What a platform child offers to its tier. */
export interface PlatformChild {
  /** Where the public balancer sends requests; absent for a tier without routes. */
  readonly publicTargetArn: string | undefined;
  /** The same for the internal balancer; a target group belongs to one balancer. */
  readonly internalTargetArn: string | undefined;
  /** Starts replicas only after these exist: a target group outside of any route has no health. */
  startAfter(routes: readonly TerraformResource[]): void;
}

export class Tier extends Construct {
  readonly service: ServiceName;
  readonly securityGroupId: string;
  readonly children: readonly PlatformChild[];

  constructor(scope: Construct, id: string, props: TierProps) {
    super(scope, id);
    const { service, context } = props;
    this.service = service;
    check(props);
    const group = new SecurityGroup(this, 'security-group', {
      namePrefix: `${context.prefix}-${service}-`,
      // A change of the description replaces the group: it never changes.
      description: `${service} tier`,
      vpcId: context.vpcId,
      tags: { Name: `${context.prefix}-${service}`, Tier: service },
      lifecycle: { createBeforeDestroy: true },
    });
    this.securityGroupId = group.id;
    const logs = new CloudwatchLogGroup(this, 'logs', {
      name: nameOf('log group', `/${context.prefix}/${service}`),
      retentionInDays: context.logRetentionDays,
      kmsKeyId: context.keyArn,
      tags: { Tier: service },
    });
    new TierAlarms(this, 'alarms', { ...props, logGroupName: logs.name });
    this.children = props.placements.map(
      (placement) =>
        new platforms[placement.platform as PlatformName](this, placement.platform, {
          ...props,
          settings: props.settings(placement),
          placement,
          securityGroupId: group.id,
          logGroup: { name: logs.name, arn: logs.arn },
        }),
    );
    const routes = this.routes(props);
    for (const child of this.children) child.startAfter(routes);
  }

  private routes({ service, context, called, placements }: TierProps): TerraformResource[] {
    const forward = (target: (child: PlatformChild) => string | undefined) => ({
      targetGroup: this.children.map((child, index) => ({
        arn: target(child) as string,
        // A single placement takes everything, whatever its weight says.
        weight: this.children.length > 1 ? (placements[index] as TierPlacement).weight : 100,
      })),
      // Requests follow the weights, not the client: a person's requests may go to either platform.
      stickiness: { enabled: false, duration: 1 },
    });
    const rules = [...routeTable.entries()]
      .filter(([, [, owner]]) => owner === service)
      .map(
        ([index, [pattern]]) =>
          new LbListenerRule(this, `route-${pattern.replaceAll('/', '-').replaceAll('*', 'any').replace(/^-/, '')}`, {
            listenerArn: context.publicListenerArn,
            // The first match wins; tens leave room for one more in between.
            priority: (index + 1) * 10,
            condition: [{ pathPattern: { values: [pattern] } }],
            action: [{ type: 'forward', forward: forward((child) => child.publicTargetArn) }],
            tags: { Tier: service },
          }),
      );
    if (!called || !context.internalBalancerArn) return rules;
    const listener = new LbListener(this, 'internal', {
      loadBalancerArn: context.internalBalancerArn,
      port: services[service].port,
      protocol: 'HTTP',
      defaultAction: [{ type: 'forward', forward: forward((child) => child.internalTargetArn) }],
      tags: { Tier: service },
    });
    return [...rules, listener];
  }
}

function check({ service, placements, called }: TierProps): void {
  const words = placements.map(({ platform }) => platform);
  const fault = (text: string) => new Error(`tier '${service}': ${text}`);
  for (const [index, word] of words.entries()) {
    if (!(platformNames as readonly string[]).includes(word))
      throw fault(`given platform '${word}'; allowed: ${platformNames.join(', ')}`);
    if (words.indexOf(word) !== index) throw fault(`given platform '${word}' twice; allowed: each platform once`);
  }
  if (placements.length < 2) return;
  const behindHttp = services[service].routes.length > 0 || called;
  if (behindHttp && placements.every(({ weight }) => weight === 0))
    throw fault('every placement has weight 0; allowed: at least one above 0');
  if (!behindHttp && placements.some(({ weight }) => weight !== 100))
    throw fault('takes no requests, so its placements have no weight; leave it out: its share is its replicas');
}
