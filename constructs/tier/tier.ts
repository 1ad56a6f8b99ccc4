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
import type { Placement } from '../../environments/schema/placement.ts';
import { nameOf } from '../../environments/wiring/names.ts';
import type { Definitions } from '../../services/definition.ts';
import { routeTableOf } from '../../services/route-table.ts';
import { type PlatformName, platformNames, platforms } from '../platforms/platforms.ts';
import { justify, plainInside, retentionIsASetting } from '../policies/justified.ts';
import { TierAlarms } from './tier-alarms.ts';
import type { PathRoute, PlatformChild, TierProps } from './tier-props.ts';

export class Tier extends Construct {
  readonly service: string;
  readonly securityGroupId: string;
  readonly logGroupArn: string;
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
    if (props.placements.every(({ platform }) => platform === 'kubernetes'))
      justify(group, {
        CKV2_AWS_5: 'stays when its tier moves to a cluster, where pods have the group of their nodes',
      });
    const logs = new CloudwatchLogGroup(this, 'logs', {
      name: nameOf('log group', `/${context.prefix}/${service}`),
      retentionInDays: context.logRetentionDays,
      kmsKeyId: context.keyArn,
      tags: { Tier: service },
    });
    if (context.logRetentionDays < 365) justify(logs, { CKV_AWS_338: retentionIsASetting });
    this.logGroupArn = logs.arn;
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

  private routes({ service, definition, context, called, placements, routes }: TierProps): TerraformResource[] {
    const forward = (target: (child: PlatformChild) => string | undefined) => ({
      targetGroup: this.children.map((child, index) => ({
        arn: target(child) as string,
        // A single placement takes everything, whatever its weight says.
        weight: this.children.length > 1 ? (placements[index] as Placement).weight : 100,
      })),
      // Requests follow the weights, not the client: a person's requests may go to either platform.
      stickiness: { enabled: false, duration: 1 },
    });
    const rules = routes.map(
      ({ pattern, priority }) =>
        new LbListenerRule(this, `route-${pattern.replaceAll('/', '-').replaceAll('*', 'any').replace(/^-/, '')}`, {
          listenerArn: context.publicListenerArn,
          priority,
          condition: [{ pathPattern: { values: [pattern] } }],
          action: [{ type: 'forward', forward: forward((child) => child.publicTargetArn) }],
          tags: { Tier: service },
        }),
    );
    if (!called || !context.internalBalancerArn) return rules;
    const listener = new LbListener(this, 'internal', {
      loadBalancerArn: context.internalBalancerArn,
      port: definition.port,
      protocol: 'HTTP',
      defaultAction: [{ type: 'forward', forward: forward((child) => child.internalTargetArn) }],
      tags: { Tier: service },
    });
    justify(listener, { CKV_AWS_2: plainInside, CKV_AWS_103: plainInside });
    return [...rules, listener];
  }
}

function check({ service, definition, placements, called }: TierProps): void {
  const words = placements.map(({ platform }) => platform);
  const fault = (text: string) => new Error(`tier '${service}': ${text}`);
  for (const [index, word] of words.entries()) {
    if (!(platformNames as readonly string[]).includes(word))
      throw fault(`given platform '${word}'; allowed: ${platformNames.join(', ')}`);
    if (words.indexOf(word) !== index) throw fault(`given platform '${word}' twice; allowed: each platform once`);
  }
  if (placements.length < 2) return;
  const behindHttp = definition.routes.length > 0 || called;
  if (behindHttp && placements.every(({ weight }) => weight === 0))
    throw fault('every placement has weight 0; allowed: at least one above 0');
  if (!behindHttp && placements.some(({ weight }) => weight !== 100))
    throw fault('takes no requests, so its placements have no weight; leave it out: its share is its replicas');
}

/** The public paths of services as a listener takes them. The first match wins; tens leave room for one in between. */
export function pathRoutes<Name extends string>(definitions: Definitions<Name>): (name: Name) => PathRoute[] {
  const table = routeTableOf(definitions).map(([pattern, owner], index) => ({
    owner,
    route: { pattern, priority: (index + 1) * 10 },
  }));
  return (name) => table.flatMap(({ owner, route }) => (owner === name ? route : []));
}
