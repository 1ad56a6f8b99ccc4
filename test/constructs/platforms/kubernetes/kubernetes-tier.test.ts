import { describe, expect, test } from '@jest/globals';
import type { Placement } from '../../../../environments/schema/placement.ts';
import { type ServiceName, serviceNames } from '../../../../services/manifest.ts';
import { type Attributes, ofType, one, type StackJson } from '../../../stacks/synthesized.ts';
import { placement, tierJson } from '../harness.ts';
import { conformance } from '../tier-conformance.ts';
import { ofKind, only } from './manifests.ts';

interface Probe extends Attributes {
  readonly httpGet: { readonly path: string };
}
interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly resources: { readonly requests: Record<string, string>; readonly limits: Record<string, string> };
  readonly securityContext: Attributes;
  readonly env: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: Attributes }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly lifecycle?: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } };
}
interface Pod extends Attributes {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly securityContext: Attributes;
  readonly terminationGracePeriodSeconds: number;
}

const pod = (stack: StackJson) => (only(stack, 'Deployment').spec as { template: { spec: Pod } }).template.spec;
const main = (stack: StackJson) => pod(stack).containers[0] as Container;
const referred = (container: Container | undefined) =>
  (container?.env ?? []).flatMap(({ name, valueFrom }) => (valueFrom ? [name] : []));
const preStopSeconds = (container: Container) =>
  Number(/,(\d+)\)/.exec(container.lifecycle?.preStop.exec.command.at(-1) ?? '')?.[1] ?? 0) / 1000;

conformance({
  platform: 'kubernetes',
  skip: [
    {
      test: 'starts after its routes exist',
      reason:
        "its pods are of a stack that is applied after the routes' (test/stacks/kubernetes/kubernetes-stack.test.ts)",
    },
    {
      test: 'sends its log to the log group of the tier',
      reason: 'a collector on each node does (test/stacks/kubernetes/kubernetes-stack.test.ts)',
    },
    {
      test: 'chat scales on slots and yields, the worker on pages per replica, others on CPU',
      reason: 'the metrics of an autoscaler are looked at below',
    },
    {
      test: 'is replaced for what the image’s health check says, whatever its balancers think',
      reason: 'the kubelet asks /livez itself, as looked at below',
    },
  ],
  compute: ['kubernetes_deployment_v1'],
  limits: (stack) => {
    const { cpu, memory } = main(stack).resources.limits as { cpu: string; memory: string };
    return { vcpu: Number.parseFloat(cpu) / 1000, memoryMiB: Number.parseFloat(memory) };
  },
  image: (stack) => main(stack).image,
  replicas: (stack) => {
    const [scaler] = ofKind(stack, 'HorizontalPodAutoscaler');
    const { minReplicas, maxReplicas } = (scaler?.spec ?? {}) as { minReplicas: number; maxReplicas: number };
    const replicas = only(stack, 'Deployment').spec?.replicas as number;
    // Never both: an apply would take back what the autoscaler decided.
    if ((replicas === undefined) !== (scaler !== undefined)) throw new Error('a count beside an autoscaler');
    return scaler ? { min: minReplicas, max: maxReplicas } : { min: replicas, max: replicas };
  },
  logGroup: () => '',
  init: (stack) => pod(stack).initContainers?.[0]?.command?.join(' '),
  secrets: (stack) => referred(main(stack)),
  initSecrets: (stack) => referred(pod(stack).initContainers?.[0]),
  replacedFor: () => [],
  memoryFull: { metric: 'Memory', at: (memoryMiB) => Math.floor(0.9 * memoryMiB * 2 ** 20) },
  stopSeconds: (stack) => pod(stack).terminationGracePeriodSeconds - preStopSeconds(main(stack)),
});

const on = (service: ServiceName, changes: Partial<Placement> = {}) =>
  tierJson(service, { placements: [placement({ platform: 'kubernetes', ...changes })] });

describe('a pod', () => {
  test('is of the Guaranteed class: each container asks for exactly what it may use', () => {
    for (const service of serviceNames) {
      const { containers, initContainers = [] } = pod(on(service));
      for (const { resources } of [...containers, ...initContainers]) {
        expect(resources.requests).toEqual({ cpu: '500m', memory: '1024Mi' });
        expect(resources.limits).toEqual(resources.requests);
      }
    }
  });

  test('may do what the restricted standard allows, said on pod and container', () => {
    for (const service of serviceNames) {
      const { containers, initContainers = [], ...spec } = pod(on(service));
      expect(spec).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      });
      for (const { securityContext } of [...containers, ...initContainers])
        expect(securityContext).toEqual({
          runAsNonRoot: true,
          runAsUser: 65532,
          runAsGroup: 65532,
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          privileged: false,
          capabilities: { drop: ['ALL'] },
          seccompProfile: { type: 'RuntimeDefault' },
        });
    }
  });

  test('writes to memory of its own budget, and nowhere else', () => {
    expect(pod(on('document-worker')).volumes).toEqual([
      // As on an instance: two uploads of 100 MB, and what libraries need.
      { name: 'tmp', emptyDir: { medium: 'Memory', sizeLimit: '255Mi' } },
    ]);
  });

  test('is started anew for /livez, gets requests for /readyz', () => {
    for (const service of serviceNames) {
      const { livenessProbe, readinessProbe } = main(on(service));
      expect(livenessProbe?.httpGet.path).toBe('/livez');
      expect(readinessProbe?.httpGet.path).toBe('/readyz');
    }
  });

  test('has time after the balancer has heard of its end', () => {
    const stack = on('chat');
    expect(preStopSeconds(main(stack))).toBe(15);
    expect(pod(stack).terminationGracePeriodSeconds).toBe(135);
  });

  test('is started anew only when it has answered before, or not for two minutes', () => {
    const { startupProbe, livenessProbe, readinessProbe } = main(on('api'));
    const seconds = (probe: Attributes | undefined) => Number(probe?.periodSeconds) * Number(probe?.failureThreshold);
    expect([startupProbe, livenessProbe, readinessProbe].map(seconds)).toEqual([120, 30, 10]);
    expect(startupProbe?.httpGet).toEqual(livenessProbe?.httpGet);
  });

  test('is ready only for a balancer that is there before it', () => {
    const { depends_on } = one(on('chat'), 'kubernetes_deployment_v1');
    expect(depends_on).toContainEqual(expect.stringMatching(/^kubernetes_manifest\./));
    expect(depends_on).toContainEqual(
      expect.stringMatching(/^kubernetes_network_policy_v1\.chat|_policy_v1\.kubernetes_chat/),
    );
  });

  test('stands in other zones and on other nodes than its like, and elsewhere when one is away', () => {
    const spread = (topologyKey: string) => ({
      topologyKey,
      maxSkew: 1,
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: { matchLabels: { 'app.kubernetes.io/name': 'chat' } },
      // Of a rollout's successors, whatever stands where they come from.
      matchLabelKeys: ['pod-template-hash'],
    });
    expect(pod(on('chat')).topologySpreadConstraints).toEqual([
      spread('topology.kubernetes.io/zone'),
      spread('kubernetes.io/hostname'),
    ]);
  });

  test('goes before others by the work of its tier', () => {
    const classes = serviceNames.map((service) => [service, pod(on(service)).priorityClassName]);
    expect(Object.fromEntries(classes)).toEqual({
      chat: 'bulkhead-test-sustained',
      api: 'bulkhead-test-interactive',
      web: 'bulkhead-test-interactive',
      'document-worker': 'bulkhead-test-batch',
      vectorstore: 'bulkhead-test-sustained',
      embedding: 'bulkhead-test-sustained',
      governor: 'bulkhead-test-sustained',
    });
  });
});

describe('a tier', () => {
  test('is drained one pod at a time, and never blocks a drain', () => {
    for (const replicas of [
      { min: 1, max: 1 },
      { min: 2, max: 5 },
    ])
      expect(only(on('chat', { replicas }), 'PodDisruptionBudget').spec).toMatchObject({ maxUnavailable: 1 });
  });

  test('fails the apply whose pods do not become ready, and keeps those that serve', () => {
    const stack = on('api');
    expect(one(stack, 'kubernetes_deployment_v1').wait_for_rollout).toBe(true);
    expect(only(stack, 'Deployment').spec).toMatchObject({ strategy: { rollingUpdate: { maxUnavailable: 0 } } });
  });

  test('scales on CPU, and on what its service publishes', () => {
    const metrics = (service: ServiceName) =>
      only(
        on(service, { replicas: { min: 1, max: 2 }, options: service === 'chat' ? { slots: 64 } : {} }),
        'HorizontalPodAutoscaler',
      ).spec?.metrics;
    const cpu = {
      type: 'Resource',
      resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } },
    };
    const external = (name: string, tier: string, averageValue: string) => ({
      type: 'External',
      external: {
        metric: { name, selector: { matchLabels: { environment: 'test', tier } } },
        target: { type: 'AverageValue', averageValue },
      },
    });
    expect(metrics('api')).toEqual([cpu]);
    expect(metrics('chat')).toEqual([
      cpu,
      external('bulkhead_slots_in_use', 'chat', '44'),
      external('bulkhead_yields_per_minute', 'chat', '440'),
    ]);
    expect(metrics('document-worker')).toEqual([
      cpu,
      external('bulkhead_pages_granted_and_waiting', 'document-worker', '200'),
    ]);
  });

  test('has its secrets in no state: through a write-only argument alone', () => {
    const secrets = Object.values(ofType(on('api'), 'kubernetes_secret_v1'));
    expect(secrets).toHaveLength(2);
    for (const { data, data_wo } of secrets) {
      expect(data).toBeUndefined();
      for (const value of Object.values(data_wo as Attributes)) expect(value).toMatch(/^\$\{ephemeral\./);
    }
  });

  test('is given its role as a pod, not its node', () => {
    const stack = on('vectorstore');
    expect(one(stack, 'aws_eks_pod_identity_association')).toMatchObject({
      cluster_name: 'there',
      namespace: 'bulkhead-test',
      service_account: 'vectorstore',
    });
    const trust = JSON.parse(one(stack, 'aws_iam_role').assume_role_policy as string) as { Statement: Attributes[] };
    expect(trust.Statement[0]).toMatchObject({
      Principal: { Service: 'pods.eks.amazonaws.com' },
      Action: ['sts:AssumeRole', 'sts:TagSession'],
    });
    expect(ofType(on('web'), 'aws_eks_pod_identity_association')).toEqual({});
  });
});
