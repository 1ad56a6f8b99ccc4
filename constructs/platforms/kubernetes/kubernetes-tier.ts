/**
 * A tier on Kubernetes: a Deployment of pods, each exactly of its budget.
 *
 * What lies in AWS (target groups, the role of a pod) is made here, in the tier's own stack; the objects of the cluster
 * are made in the stack of the cluster's provider, which is applied after it. The balancers are those of every other
 * platform: a TargetGroupBinding has the pods' addresses registered in the tier's target groups.
 */
import { EksPodIdentityAssociation } from '@cdktf/provider-aws/lib/eks-pod-identity-association/index.js';
import type { TerraformResource } from 'cdktf';
import { Construct } from 'constructs';
import { metricDimensions, metricNames, metricNamespace } from '../../../services/metrics.ts';
import { memoryAlarm } from '../../observability/memory-alarm.ts';
import { runGrants } from '../../tier/grants.ts';
import { podIdentity, Role } from '../../tier/role.ts';
import { targetGroups } from '../../tier/target-group.ts';
import type { PlatformChild, PlatformProps } from '../../tier/tier-props.ts';
import { Workload } from './workload.ts';

export class KubernetesTier extends Construct implements PlatformChild {
  readonly publicTargetArn: string | undefined;
  readonly internalTargetArn: string | undefined;

  constructor(scope: Construct, id: string, props: PlatformProps) {
    super(scope, id);
    const { service, context } = props;
    const { kubernetes } = context;
    if (!kubernetes)
      throw new Error(`tier '${service}' is on 'kubernetes' without a cluster: give the environment its 'kubernetes'`);
    const name = `${context.prefix}-${service}-${id}`;
    const { publicTargetArn, internalTargetArn, all } = targetGroups(this, name, props, 'ip');
    this.publicTargetArn = publicTargetArn;
    this.internalTargetArn = internalTargetArn;
    const statements = runGrants(props);
    if (statements.length > 0) {
      const role = new Role(this, 'run-role', {
        name: `${name}-run`,
        assumedBy: { service: podIdentity },
        accountId: context.accountId,
        statements,
      });
      new EksPodIdentityAssociation(this, 'identity', {
        clusterName: kubernetes.cluster,
        namespace: kubernetes.namespace,
        serviceAccount: service,
        roleArn: role.arn,
        tags: { Tier: service },
      });
    }
    memoryAlarm(this, {
      name,
      // CloudWatch knows nothing of pods; what a replica says of itself goes there by the log collector.
      namespace: metricNamespace,
      metric: metricNames.memory,
      dimensions: metricDimensions(context.environment, service),
      full: props.placement.memoryMiB * 2 ** 20,
      topicArn: context.alarmTopicArn,
    });
    new Workload(kubernetes.scope, service, { ...props, kubernetes, targetArns: all });
  }

  /** Nothing to say: the cluster's stack is applied after the one that holds the routes. */
  startAfter(_routes: readonly TerraformResource[]): void {}
}
