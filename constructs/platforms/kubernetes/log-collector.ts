/**
 * Ships what the tiers' pods write to their log groups, where alarms and metrics read it as on every platform. One small
 * pod on each node, in a namespace of its own: it reads files of the node, which the environment's namespace forbids.
 */
import { createHash } from 'node:crypto';
import { Construct } from 'constructs';
import { kubernetesResources, logCollectorBudget } from '../../../environments/budget/kubernetes-nodes.ts';
import { lazy } from '../../lazy.ts';

export interface LogCollectorProps {
  /** Namespace of the tiers. */
  readonly namespace: string;
  readonly region: string;
  /** Tier on Kubernetes to its log group. */
  readonly logGroups: Readonly<Record<string, string>>;
}

/** Takes a pod's role since 2.32.5. https://github.com/aws/aws-for-fluent-bit/releases/tag/v2.34.3.20260818 */
const image = 'public.ecr.aws/aws-observability/aws-for-fluent-bit:2.34.3.20260818';

/** Where it runs, and as whom: its role is given to this account. */
export const collectorNamespace = (namespace: string): string => `${namespace}-logs`;
export const collectorAccount = 'log-collector';

export class LogCollector extends Construct {
  constructor(scope: Construct, id: string, props: LogCollectorProps) {
    super(scope, id);
    const namespace = collectorNamespace(props.namespace);
    const labels = { 'app.kubernetes.io/name': collectorAccount, 'app.kubernetes.io/part-of': 'bulkhead' };
    const metadata = { name: collectorAccount, namespace, labels };
    const own = new lazy.NamespaceV1(this, 'namespace', {
      // Files of a node: the one thing here that needs it.
      metadata: { name: namespace, labels: { ...labels, 'pod-security.kubernetes.io/enforce': 'privileged' } },
    });
    const account = new lazy.ServiceAccountV1(this, 'account', {
      metadata,
      automountServiceAccountToken: false,
      dependsOn: [own],
    });
    const data = { 'fluent-bit.conf': collectorConfig(props) };
    const config = new lazy.ConfigMapV1(this, 'config', { metadata, data, dependsOn: [own] });
    const resources = kubernetesResources(logCollectorBudget);
    new lazy.DaemonSetV1(this, 'collector', {
      metadata,
      spec: {
        selector: { matchLabels: { 'app.kubernetes.io/name': collectorAccount } },
        template: {
          metadata: {
            labels, // A new configuration is read by new pods alone.
            annotations: { 'bulkhead/config': createHash('sha256').update(data['fluent-bit.conf']).digest('hex') },
          },
          spec: {
            serviceAccountName: account.metadata.name,
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            priorityClassName: 'system-node-critical',
            toleration: [{ operator: 'Exists' }],
            container: [
              {
                name: 'fluent-bit',
                image,
                command: ['/fluent-bit/bin/fluent-bit', '-c', '/config/fluent-bit.conf'],
                resources: { requests: { ...resources }, limits: { ...resources } },
                // Root, who alone may read the files; with nothing else that root may.
                securityContext: {
                  runAsNonRoot: false,
                  readOnlyRootFilesystem: true,
                  allowPrivilegeEscalation: false,
                  privileged: false,
                  capabilities: { drop: ['ALL'], add: ['DAC_READ_SEARCH'] },
                  seccompProfile: { type: 'RuntimeDefault' },
                },
                volumeMount: [
                  { name: 'config', mountPath: '/config', readOnly: true },
                  { name: 'logs', mountPath: '/var/log', readOnly: true },
                  { name: 'positions', mountPath: '/positions' },
                ],
              },
            ],
            volume: [
              { name: 'config', configMap: { name: config.metadata.name } },
              { name: 'logs', hostPath: { path: '/var/log', type: 'Directory' } },
              // Outlives the pod, so that a new one goes on where the old one stopped.
              { name: 'positions', hostPath: { path: `/var/lib/${namespace}`, type: 'DirectoryOrCreate' } },
            ],
          },
        },
      },
    });
  }
}

/** Lines are sent as they were written: CloudWatch reads metrics and the service's own JSON from them. */
export function collectorConfig({ namespace, region, logGroups }: LogCollectorProps): string {
  const tiers = Object.entries(logGroups).map(
    ([service, logGroup]) => `
[INPUT]
    Name tail
    Tag ${service}
    Path /var/log/containers/${service}-*_${namespace}_*.log
    DB /positions/${service}.db
    multiline.parser cri
    Skip_Long_Lines On
    Mem_Buf_Limit 5MB
    Refresh_Interval 5
[OUTPUT]
    Name cloudwatch_logs
    Match ${service}
    region ${region}
    log_group_name ${logGroup}
    log_stream_prefix kubernetes-
    log_key log
    auto_create_group false
`,
  );
  return `[SERVICE]\n    Flush 2\n    Grace 10\n    Log_Level warn\n${tiers.join('')}`;
}
