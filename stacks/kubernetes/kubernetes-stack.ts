/**
 * What an environment's tiers are in a cluster. A stack with its own provider and state: the cluster is read by its name,
 * so that no plan ever needs a cluster that it is about to make (provider-kubernetes #1028).
 */
import { Fn } from 'cdktf';
import type { Construct } from 'constructs';
import { lazy } from '../../constructs/lazy.ts';
import { LogCollector } from '../../constructs/platforms/kubernetes/log-collector.ts';
import { Namespace } from '../../constructs/platforms/kubernetes/namespace.ts';
import { hasOwnCluster, type KubernetesSettings, onKubernetes } from '../../environments/schema/kubernetes.ts';
import { nameOf } from '../../environments/wiring/names.ts';
import { type AwsEnvironment, BaseStack } from '../base-stack.ts';

export class KubernetesStack extends BaseStack {
  /** Name of the cluster. */
  readonly cluster: string;
  readonly namespace: Namespace;
  /** Tiers that run in it. */
  readonly tierNames: readonly string[];
  readonly settings: KubernetesSettings;

  constructor(scope: Construct, environment: AwsEnvironment, settings: KubernetesSettings) {
    super(scope, 'kubernetes', environment);
    const { prefix } = this;
    const { region } = environment.aws;
    const places = onKubernetes(environment);
    this.settings = settings;
    // By its name in either case, never by a reference to what another stack has yet to make.
    this.cluster = hasOwnCluster({ kubernetes: settings }) ? prefix : settings.cluster;
    this.tierNames = places.map(({ tier }) => tier);
    const found = new lazy.DataAwsEksCluster(this, 'cluster', { name: this.cluster });
    new lazy.KubernetesProvider(this, 'kubernetes', {
      host: found.endpoint,
      clusterCaCertificate: Fn.base64decode(found.certificateAuthority.get(0).data),
      // A token of minutes, asked for at each run: the state holds none.
      exec: [
        {
          apiVersion: 'client.authentication.k8s.io/v1beta1',
          command: 'aws',
          args: ['eks', 'get-token', '--cluster-name', this.cluster, '--region', region],
        },
      ],
    });
    this.namespace = new Namespace(this, 'namespace', {
      prefix,
      version: settings.version,
      placements: places.map(({ placement }) => placement),
    });
    if (this.tierNames.length > 0)
      new LogCollector(this, 'logs', {
        namespace: this.namespace.name,
        region,
        logGroups: Object.fromEntries(this.tierNames.map((tier) => [tier, nameOf('log group', `/${prefix}/${tier}`)])),
      });
  }
}
