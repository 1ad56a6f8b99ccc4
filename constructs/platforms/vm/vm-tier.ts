/**
 * A tier on EC2: one replica per instance, the instance chosen from the budget.
 *
 * Terraform does not wait for an instance refresh, so a rollout is a new group: its name carries the version of the
 * launch template, it is created before the old one goes, and its instances count only once their service answers
 * `/readyz` and completes the launch hook. A rollout that fails fails the apply, and the old group still serves.
 */
import type { AutoscalingGroup } from '@cdktf/provider-aws/lib/autoscaling-group/index.js';
import { IamInstanceProfile } from '@cdktf/provider-aws/lib/iam-instance-profile/index.js';
import type { LaunchTemplate } from '@cdktf/provider-aws/lib/launch-template/index.js';
import { Fn, TerraformLocal, type TerraformResource, Token } from 'cdktf';
import { Construct } from 'constructs';
import { instanceFor } from '../../../environments/budget/budget.ts';
import { tmpMiB } from '../../../environments/budget/scratch.ts';
import { nameOf } from '../../../environments/wiring/names.ts';
import { plainSettings } from '../../../environments/wiring/plain-settings.ts';
import { lazy } from '../../lazy.ts';
import { address } from '../../tier/address.ts';
import { initSecretsOf, runGrants, secretsOf, startGrants, usesDocuments } from '../../tier/grants.ts';
import { machine } from '../../tier/machine.ts';
import { refusePlaceholders } from '../../tier/placeholder.ts';
import { Role, type Statement } from '../../tier/role.ts';
import { vmWarmupSeconds } from '../../tier/scaling-target.ts';
import { targetGroups } from '../../tier/target-group.ts';
import type { PlatformChild, PlatformProps } from '../../tier/tier-props.ts';
import { bootScript, readyTimeoutSeconds } from './boot.ts';
import { scaleGroup } from './vm-scaling.ts';

/** Image, logs of the runtime and scratch space; documents are never stored on an instance. */
export const volumeGiB = 20;

const launchHook = 'ready';

export class VmTier extends Construct implements PlatformChild {
  readonly publicTargetArn: string | undefined;
  readonly internalTargetArn: string | undefined;
  private readonly group: AutoscalingGroup;

  constructor(scope: Construct, id: string, props: PlatformProps) {
    super(scope, id);
    const { service, context, placement } = props;
    const name = `${context.prefix}-${service}-${id}`;
    const targets = targetGroups(this, name, props, 'instance');
    this.publicTargetArn = targets.publicTargetArn;
    this.internalTargetArn = targets.internalTargetArn;

    const template = this.template(name, props);
    const { min, max } = placement.replicas;
    this.group = new lazy.AutoscalingGroup(this, 'group', {
      name: `${nameOf('Auto Scaling group', name)}-${Token.asString(template.latestVersion)}`,
      minSize: min,
      maxSize: max,
      vpcZoneIdentifier: [...context.privateSubnetIds],
      // A number, never '$Latest': Terraform would not see that it changed (provider-aws #22464).
      launchTemplate: { id: template.id, version: Token.asString(template.latestVersion) },
      initialLifecycleHook: [
        {
          name: launchHook,
          lifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING',
          defaultResult: 'ABANDON',
          heartbeatTimeout: readyTimeoutSeconds + 60,
        },
      ],
      // Where requests go is the balancer's question, and a store that is away is no fault of an instance: only a machine
      // that is broken is replaced. A service that hangs is started anew by the instance itself (boot.ts).
      healthCheckType: 'EC2',
      // A rollout still waits until the balancer sends requests to the new instances.
      ...(targets.all.length > 0 ? { targetGroupArns: targets.all, minElbCapacity: min } : {}),
      // The hook already waited for readiness.
      healthCheckGracePeriod: 60,
      // How long scaling leaves a new replica out of its averages.
      ...(min < max ? { defaultInstanceWarmup: vmWarmupSeconds } : {}),
      // Longer than the hook, so that a bad instance is given up before the wait ends.
      waitForCapacityTimeout: `${Math.ceil(readyTimeoutSeconds / 60) + 5}m`,
      tag: Object.entries({ Name: name, Project: 'bulkhead', Environment: context.environment, Tier: service }).map(
        ([key, value]) => ({ key, value, propagateAtLaunch: true }),
      ),
      lifecycle: { createBeforeDestroy: true },
    });
    scaleGroup(this, this.group.name, props);
  }

  startAfter(routes: readonly TerraformResource[]): void {
    if (routes.length > 0) this.group.dependsOn = routes.map(address);
  }

  private template(name: string, props: PlatformProps): LaunchTemplate {
    const { service, definition, context, placement, image } = props;
    const { port, healthPath } = definition;
    const { instanceType } = instanceFor(placement, context.region, { architecture: context.architecture });
    // By name: its trust policy needs the instance's role, which needs this one's ARN.
    const runName = nameOf('IAM role', `${name}-run`);
    const runRoleArn = usesDocuments(definition) ? `arn:aws:iam::${context.accountId}:role/${runName}` : undefined;
    const role = new Role(this, 'role', {
      name,
      assumedBy: { service: 'ec2.amazonaws.com' },
      accountId: context.accountId,
      statements: [
        ...startGrants(props),
        ...instanceGrants(name, context),
        ...(runRoleArn ? [{ actions: ['sts:AssumeRole'], resources: [runRoleArn] }] : []),
      ],
    });
    // What the container holds: the instance's own role reads secrets, the database owner's among them.
    const run = runRoleArn
      ? new Role(this, 'run-role', {
          name: runName,
          assumedBy: { roleArn: role.arn },
          accountId: context.accountId,
          statements: runGrants(props),
        })
      : undefined;
    const profile = new IamInstanceProfile(this, 'profile', { name: nameOf('IAM role', name), role: role.name });
    const script = bootScript({
      region: context.region,
      environment: context.environment,
      service,
      image: `${image.repositoryUrl}@${image.digest}`,
      port,
      healthPath,
      vcpu: placement.vcpu,
      memoryMiB: placement.memoryMiB,
      tmpMiB: tmpMiB(definition, context.limits.uploadBytesMax),
      stopTimeoutMs: context.limits.stopTimeoutMs,
      logGroup: props.logGroup.name,
      settings: plainSettings(props.settings, props.secrets),
      secrets: secretsOf(props),
      initSecrets: initSecretsOf(props),
      initCommand: definition.initStep?.command,
      runRoleArn,
      hook: launchHook,
    });
    const { ami } = context;
    if (!ami) throw new Error(`tier '${service}' is on 'vm' without an AMI: set aws.ami`);
    return new lazy.LaunchTemplate(this, 'template', {
      name: nameOf('launch template', name),
      imageId: ami,
      instanceType,
      iamInstanceProfile: { arn: profile.arn },
      vpcSecurityGroupIds: [props.securityGroupId],
      userData: Fn.base64encode(new TerraformLocal(this, 'boot', script).asString),
      ...machine({ name, environment: context.environment, tier: service, volumeGiB }),
      // Burstable types would otherwise buy CPU above their baseline: a budget must not grow by itself.
      ...(/^t\d/.test(instanceType) ? { creditSpecification: { cpuCredits: 'standard' } } : {}),
      tags: { Tier: service },
      lifecycle: {
        precondition: refusePlaceholders(
          [
            { what: 'AMI', value: ami, remedy: `docs/operating.md, 'Choose an AMI', for ${context.environment}` },
            {
              what: `image of ${service}`,
              value: image.digest,
              remedy: `npm run images -- --push ${context.environment}`,
            },
          ],
          context.accountId,
        ),
      },
      // The instance needs its permissions from the first second.
      dependsOn: [role.policy, run?.policy].filter((policy) => policy !== undefined),
    });
  }
}

/** What the machine itself does: complete the launch hook, send metrics, and let Systems Manager open a shell. */
function instanceGrants(name: string, { region, accountId }: PlatformProps['context']): Statement[] {
  return [
    { actions: ['autoscaling:DescribeAutoScalingInstances'], resources: ['*'] },
    {
      actions: ['autoscaling:CompleteLifecycleAction'],
      resources: [`arn:aws:autoscaling:${region}:${accountId}:autoScalingGroup:*:autoScalingGroupName/${name}-*`],
    },
    { actions: ['cloudwatch:PutMetricData'], resources: ['*'] },
    {
      actions: [
        'ssm:UpdateInstanceInformation',
        'ssmmessages:CreateControlChannel',
        'ssmmessages:CreateDataChannel',
        'ssmmessages:OpenControlChannel',
        'ssmmessages:OpenDataChannel',
        'ec2messages:AcknowledgeMessage',
        'ec2messages:DeleteMessage',
        'ec2messages:FailMessage',
        'ec2messages:GetEndpoint',
        'ec2messages:GetMessages',
        'ec2messages:SendReply',
      ],
      resources: ['*'],
    },
  ];
}
