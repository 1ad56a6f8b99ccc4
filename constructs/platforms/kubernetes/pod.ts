/** A replica as a pod: of the Guaranteed class and within the restricted Pod Security Standard. */
import type {
  DeploymentV1SpecTemplateSpec,
  DeploymentV1SpecTemplateSpecContainer,
} from '@cdktf/provider-kubernetes/lib/deployment-v1/index.js';
import { kubernetesResources } from '../../../environments/budget/budget.ts';
import { tmpMiB } from '../../../environments/budget/scratch.ts';
import { plainSettings } from '../../../environments/wiring/plain-settings.ts';
import { selectorOf, type WorkloadProps } from './objects.ts';
import { podUser } from './restricted.ts';
import type { TierSecrets } from './secrets.ts';

/**
 * Seconds between a pod's removal and its SIGTERM: the balancer's controller hears of it and has the target drained
 * before the service refuses. https://docs.aws.amazon.com/eks/latest/best-practices/load-balancing.html
 */
export const preStopSeconds = 15;

/** Seconds that a start may take, migration not counted. */
const startSeconds = 120;

export function podSpec(props: WorkloadProps, secrets: TierSecrets): DeploymentV1SpecTemplateSpec {
  const { service, definition, context, placement, image } = props;
  const { port, healthPath, build, healthCommand, initStep } = definition;
  const resources = kubernetesResources(placement);
  const spread = (topologyKey: string) => ({
    topologyKey,
    maxSkew: 1,
    // A zone that is away must not keep replicas from starting elsewhere.
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: [{ matchLabels: selectorOf(service) }],
    matchLabelKeys: ['pod-template-hash'],
  });
  const get = (path: string) => ({ httpGet: { path, port: String(port), scheme: 'HTTP' }, timeoutSeconds: 5 });
  const alive = healthCommand ? { exec: { command: [...healthCommand] }, timeoutSeconds: 5 } : build && get('/livez');
  const container = (
    name: string,
    named: readonly (readonly [setting: string, secret: string])[],
    rest: Partial<DeploymentV1SpecTemplateSpecContainer>,
  ): DeploymentV1SpecTemplateSpecContainer => ({
    name,
    image: `${image.repositoryUrl}@${image.digest}`,
    imagePullPolicy: 'IfNotPresent',
    resources: { requests: { ...resources }, limits: { ...resources } },
    securityContext: {
      // Unset, the provider sends false, and the namespace refuses the pod whatever the pod's own context says.
      runAsNonRoot: true,
      ...podUser(definition),
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      privileged: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    env: [
      ...plainSettings(props.settings, props.secrets).map(([key, value]) => ({ name: key, value })),
      ...named.map(([key, secret]) => ({ name: key, valueFrom: { secretKeyRef: { name: secret, key } } })),
    ],
    volumeMount: [{ name: 'tmp', mountPath: '/tmp' }],
    terminationMessagePolicy: 'FallbackToLogsOnError',
    ...rest,
  });
  return {
    serviceAccountName: service,
    automountServiceAccountToken: false,
    // Addresses of other services as variables: names that nobody declared.
    enableServiceLinks: false,
    priorityClassName: priorityClass(context.prefix, definition.workload),
    nodeSelector: {
      'kubernetes.io/arch': context.architecture === 'arm64' ? 'arm64' : 'amd64',
      'kubernetes.io/os': 'linux',
    },
    securityContext: { runAsNonRoot: true, ...podUser(definition), seccompProfile: { type: 'RuntimeDefault' } },
    terminationGracePeriodSeconds: preStop(definition) + Math.ceil(context.limits.stopTimeoutMs / 1000),
    topologySpreadConstraint: [spread('topology.kubernetes.io/zone'), spread('kubernetes.io/hostname')],
    ...(initStep && {
      // Of the same size: a pod is as large as the larger of both, and they never run at once.
      initContainer: [container('init', [...secrets.own, ...secrets.init], { command: [...initStep.command] })],
    }),
    container: [
      container(service, secrets.own, {
        port: [{ name: 'http', containerPort: port, protocol: 'TCP' }],
        ...(preStop(definition) > 0 && {
          // By the image's own program: it has no shell, and the provider no `sleep` of the API.
          lifecycle: {
            preStop: [{ exec: { command: ['node', '-e', `setTimeout(()=>{},${preStopSeconds * 1000})`] } }],
          },
        }),
        ...(alive && {
          startupProbe: { ...alive, periodSeconds: 2, failureThreshold: startSeconds / 2 },
          livenessProbe: { ...alive, periodSeconds: 10, failureThreshold: 3 },
        }),
        readinessProbe: { ...get(healthPath), periodSeconds: 5, failureThreshold: 2 },
      }),
    ],
    // In memory and of the budget, as on an instance: no tier writes to a disk that it shares.
    volume: [
      {
        name: 'tmp',
        emptyDir: { medium: 'Memory', sizeLimit: `${tmpMiB(definition, context.limits.uploadBytesMax)}Mi` },
      },
    ],
  };
}

/** Images of others may hold no program that can wait. */
const preStop = ({ build }: WorkloadProps['definition']): number => (build ? preStopSeconds : 0);

/** A class of the whole cluster, so the environment is part of its name. */
export const priorityClass = (prefix: string, workload: string): string => `${prefix}-${workload}`;
