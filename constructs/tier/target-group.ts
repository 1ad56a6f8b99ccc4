import { LbTargetGroup } from '@cdktf/provider-aws/lib/lb-target-group/index.js';
import type { Construct } from 'constructs';
import { nameOf } from '../../environments/wiring/names.ts';
import type { ServiceDefinition } from '../../services/definition.ts';
import { alarm } from '../observability/alarm.ts';

export interface TargetGroupProps {
  readonly service: string;
  readonly definition: ServiceDefinition;
  readonly vpcId: string;
  /** `ip` for tasks and pods, `instance` for machines. */
  readonly targetType: 'ip' | 'instance';
  readonly deregistrationDelayMs: number;
  /** Full name for people; the real name is a short prefix and a random end. */
  readonly name: string;
  /** The balancer in front, as its metrics name it. */
  readonly balancerSuffix: string;
  readonly alarmTopicArn: string;
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
export function targetGroup(scope: Construct, id: string, props: TargetGroupProps): string {
  const { port, healthPath, balancing = 'round_robin' } = props.definition;
  const group = new LbTargetGroup(scope, id, {
    namePrefix: nameOf('target group prefix', `${props.service.slice(0, 5)}-`),
    port,
    protocol: 'HTTP',
    targetType: props.targetType,
    vpcId: props.vpcId,
    deregistrationDelay: String(Math.ceil(props.deregistrationDelayMs / 1000)),
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
    tags: { Name: props.name, Tier: props.service },
    lifecycle: { createBeforeDestroy: true },
  });
  alarm(scope, `${id}-unhealthy`, {
    name: `${props.name}-unhealthy`,
    description: `a replica of ${props.service} does not answer ${healthPath}; read its log group`,
    namespace: 'AWS/ApplicationELB',
    metric: 'UnHealthyHostCount',
    dimensions: { TargetGroup: group.arnSuffix, LoadBalancer: props.balancerSuffix },
    statistic: 'Minimum',
    above: 0,
    topicArn: props.alarmTopicArn,
  });
  return group.arn;
}
