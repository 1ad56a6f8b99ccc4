/**
 * A tier on ECS Fargate: a task per replica, exactly of its budget.
 *
 * A rollout that fails is rolled back by the circuit breaker. Terraform would call that a success, so the apply waits for
 * a steady state and then compares what runs with what was asked for (terraform-aws-ecs #325).
 */
import { EcsService } from '@cdktf/provider-aws/lib/ecs-service/index.js';
import type { TerraformResource } from 'cdktf';
import { Construct } from 'constructs';
import { address } from '../../tier/address.ts';
import { refusePlaceholders } from '../../tier/placeholder.ts';
import { scalingTarget } from '../../tier/scaling-target.ts';
import { targetGroups } from '../../tier/target-group.ts';
import type { PlatformChild, PlatformProps } from '../../tier/tier-props.ts';
import { scaleService } from './ecs-scaling.ts';
import { taskDefinition } from './ecs-task.ts';

/** Seconds from a task's start until the balancer's checks count: the start and the api's migration. */
const graceSeconds = 120;

export class EcsTier extends Construct implements PlatformChild {
  readonly publicTargetArn: string | undefined;
  readonly internalTargetArn: string | undefined;
  private readonly ecsService: EcsService;
  private readonly cluster: PlatformProps['context']['cluster'];

  constructor(scope: Construct, id: string, props: PlatformProps) {
    super(scope, id);
    const { service, definition, context, placement, image } = props;
    this.cluster = context.cluster;
    const { port } = definition;
    const name = `${context.prefix}-${service}-${id}`;
    const targets = targetGroups(this, name, props, 'ip');
    this.publicTargetArn = targets.publicTargetArn;
    this.internalTargetArn = targets.internalTargetArn;

    const task = taskDefinition(this, name, props);
    this.ecsService = new EcsService(this, 'service', {
      name,
      cluster: context.cluster.arn,
      taskDefinition: task.arn,
      desiredCount: placement.replicas.min,
      // From the first day, instead of a launch type: changing between the two recreates the service.
      capacityProviderStrategy: capacity(placement),
      // Without it the provider destroys a live service and makes it anew when its strategy changes (spotPercent).
      forceNewDeployment: true,
      deploymentMinimumHealthyPercent: 100,
      deploymentMaximumPercent: 200,
      deploymentCircuitBreaker: { enable: true, rollback: true },
      enableEcsManagedTags: true,
      propagateTags: 'SERVICE',
      networkConfiguration: {
        subnets: [...context.privateSubnetIds],
        securityGroups: [props.securityGroupId],
        assignPublicIp: false,
      },
      ...(targets.all.length > 0
        ? {
            loadBalancer: targets.all.map((targetGroupArn) => ({
              targetGroupArn,
              containerName: service,
              containerPort: port,
            })),
            healthCheckGracePeriodSeconds: graceSeconds,
          }
        : {}),
      waitForSteadyState: true,
      timeouts: { create: '20m', update: '20m', delete: '20m' },
      tags: { Tier: service },
      lifecycle: {
        // Only where something else sets the count (terraform-aws-ecs ignores it always, and then a fixed count is lost).
        ...(scalingTarget(props) ? { ignoreChanges: ['desired_count'] } : {}),
        precondition: refusePlaceholders(
          [
            {
              what: `image of ${service}`,
              value: image.digest,
              remedy: `npm run images -- --push ${context.environment}`,
            },
          ],
          context.accountId,
        ),
        postcondition: [
          {
            condition: `\${self.task_definition == ${task.fqn}.arn}`,
            errorMessage: `The rollout of ${service} failed and was rolled back; its log group says why.`,
          },
        ],
      },
    });
    scaleService(this, name, this.ecsService, props);
  }

  startAfter(routes: readonly TerraformResource[]): void {
    const { capacity } = this.cluster;
    this.ecsService.dependsOn = [...(capacity ? [capacity] : []), ...routes].map(address);
  }
}

function capacity({ spotPercent }: PlatformProps['placement']) {
  return [
    ...(spotPercent < 100 ? [{ capacityProvider: 'FARGATE', weight: 100 - spotPercent, base: 0 }] : []),
    ...(spotPercent > 0 ? [{ capacityProvider: 'FARGATE_SPOT', weight: spotPercent, base: 0 }] : []),
  ];
}
