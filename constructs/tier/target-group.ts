import { LbTargetGroup } from '@cdktf/provider-aws/lib/lb-target-group/index.js';
import type { Construct } from 'constructs';
import { nameOf } from '../../environments/wiring/names.ts';
import { alarm } from '../observability/alarm.ts';
import { justify, plainInside } from '../policies/justified.ts';
import type { PlatformProps, TierContext } from './tier-props.ts';

/** `ip` for tasks and pods, `instance` for machines. */
type TargetType = 'ip' | 'instance';

/** ARNs of a tier's target groups on one platform: one for each balancer that sends it requests. */
export function targetGroups(scope: Construct, name: string, props: PlatformProps, type: TargetType) {
  const { definition, called } = props;
  const publicTargetArn = definition.routes.length > 0 ? targetGroup(scope, 'public', name, props, type) : undefined;
  const internalTargetArn = called ? targetGroup(scope, 'internal', name, props, type) : undefined;
  const all = [publicTargetArn, internalTargetArn].filter((arn) => arn !== undefined);
  return { publicTargetArn, internalTargetArn, all };
}

/**
 * Where a balancer sends a tier's requests on one platform.
 *
 * `create_before_destroy` with a name prefix: a replacement can exist beside the group that is still in use, and a group
 * that a swap takes away is destroyed after the route that named it has changed (provider-aws #636, #16889; terraform
 * #30693 says that this order holds for resources taken out of the configuration too).
 *
 * @returns its ARN
 */
function targetGroup(
  scope: Construct,
  exposure: keyof TierContext['balancerSuffixes'],
  tierName: string,
  { service, definition, context }: PlatformProps,
  targetType: TargetType,
): string {
  const { port, healthPath, balancing = 'round_robin' } = definition;
  const id = `${exposure}-target`;
  // Full name for people; the real name is a short prefix and a random end.
  const name = `${tierName}-${exposure}`;
  const group = new LbTargetGroup(scope, id, {
    namePrefix: nameOf('target group prefix', `${service.slice(0, 5)}-`),
    port,
    protocol: 'HTTP',
    targetType,
    vpcId: context.vpcId,
    deregistrationDelay: String(Math.ceil(context.limits.deregistrationDelayMs / 1000)),
    loadBalancingAlgorithmType: balancing,
    healthCheck: {
      enabled: true,
      path: healthPath,
      port: 'traffic-port',
      protocol: 'HTTP',
      matcher: '200',
      interval: 10,
      timeout: 5,
      healthyThreshold: 2,
      unhealthyThreshold: 3,
    },
    tags: { Name: name, Tier: service },
    lifecycle: { createBeforeDestroy: true },
  });
  justify(group, { CKV_AWS_378: plainInside });
  alarm(scope, `${id}-unhealthy`, {
    name: `${name}-unhealthy`,
    description: `a replica of ${service} does not answer ${healthPath}; read its log group`,
    namespace: 'AWS/ApplicationELB',
    metric: 'UnHealthyHostCount',
    dimensions: { TargetGroup: group.arnSuffix, LoadBalancer: context.balancerSuffixes[exposure] },
    statistic: 'Minimum',
    above: 0,
    topicArn: context.alarmTopicArn,
  });
  return group.arn;
}
