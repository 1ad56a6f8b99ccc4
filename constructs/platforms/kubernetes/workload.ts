/** The objects of one tier in the cluster. All carry the tier's name, in the environment's own namespace. */
import { Construct } from 'constructs';
import { lazy } from '../../lazy.ts';
import { justify } from '../../policies/justified.ts';
import { refusePlaceholders } from '../../tier/placeholder.ts';
import { scalingTarget } from '../../tier/scaling-target.ts';
import { bindTargets } from './balancing.ts';
import { disruptionBudget } from './disruption-budget.ts';
import { networkPolicy } from './network-policy.ts';
import { type Common, selectorOf, type WorkloadProps } from './objects.ts';
import { podSpec } from './pod.ts';
import { scaleDeployment } from './scaling.ts';
import { tierSecrets } from './secrets.ts';

/** Seconds until a rollout without progress has failed: image, migration and start, as on an instance. */
const progressSeconds = 600;

/** Of one replica, at the longest: its successor starts and is sent requests, then it ends what it has under way. */
const replacedSeconds = 300;

export class Workload extends Construct {
  constructor(scope: Construct, id: string, props: WorkloadProps) {
    super(scope, id);
    const { service, context, placement, kubernetes, image } = props;
    const { namespace, after } = kubernetes;
    const labels = { ...selectorOf(service), 'app.kubernetes.io/part-of': 'bulkhead' };
    const metadata = { name: service, namespace, labels };
    const common: Common = { metadata, dependsOn: after };
    const secrets = tierSecrets(this, common, props);
    // Its name is what AWS gives the tier's role to; the API of the cluster it may not use.
    const account = new lazy.ServiceAccountV1(this, 'account', {
      metadata,
      automountServiceAccountToken: false,
      dependsOn: [...after],
    });
    const policy = networkPolicy(this, common, props);
    // Before the pods: only then their readiness waits for the balancer.
    const bindings = bindTargets(this, common, props);
    const scales = scalingTarget(props) !== undefined;
    const deployment = new lazy.DeploymentV1(this, 'deployment', {
      metadata,
      spec: {
        // Where an autoscaler sets the count, nobody else does.
        ...(scales ? {} : { replicas: String(placement.replicas.min) }),
        selector: { matchLabels: selectorOf(service) },
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '1', maxUnavailable: '0' } },
        progressDeadlineSeconds: progressSeconds,
        // What `kubectl rollout undo` can go back to.
        revisionHistoryLimit: 5,
        template: {
          metadata: { labels, annotations: { 'bulkhead/secrets': String(kubernetes.secretsRevision) } },
          spec: podSpec(props, secrets),
        },
      },
      // A rollout that fails fails the apply; the old pods still serve.
      waitForRollout: true,
      timeouts: { create: '15m', update: rolledOut(placement.replicas.max), delete: '10m' },
      lifecycle: {
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
      },
      dependsOn: [...after, account, policy, ...secrets.resources, ...bindings],
    });
    justify(deployment, { CKV_K8S_15: 'images are named by their digest: one that is there is the one asked for' });
    disruptionBudget(this, common);
    scaleDeployment(this, common, deployment, props);
  }
}

/** One after the other, where nodes have room for one more pod alone. */
const rolledOut = (replicas: number): string => `${Math.ceil((progressSeconds + replicas * replacedSeconds) / 60)}m`;
