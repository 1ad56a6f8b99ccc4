/** What the provider sends to a cluster for a typed resource: the object, as its API knows it. */
import type { Attributes, StackJson } from '../../../stacks/synthesized.ts';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  readonly spec?: Attributes;
  readonly [field: string]: unknown;
}

const kinds: Readonly<Record<string, readonly [apiVersion: string, kind: string]>> = {
  kubernetes_config_map_v1: ['v1', 'ConfigMap'],
  kubernetes_daemon_set_v1: ['apps/v1', 'DaemonSet'],
  kubernetes_deployment_v1: ['apps/v1', 'Deployment'],
  kubernetes_horizontal_pod_autoscaler_v2: ['autoscaling/v2', 'HorizontalPodAutoscaler'],
  kubernetes_limit_range_v1: ['v1', 'LimitRange'],
  kubernetes_namespace_v1: ['v1', 'Namespace'],
  kubernetes_network_policy_v1: ['networking.k8s.io/v1', 'NetworkPolicy'],
  kubernetes_pod_disruption_budget_v1: ['policy/v1', 'PodDisruptionBudget'],
  kubernetes_priority_class_v1: ['scheduling.k8s.io/v1', 'PriorityClass'],
  kubernetes_resource_quota_v1: ['v1', 'ResourceQuota'],
  kubernetes_secret_v1: ['v1', 'Secret'],
  kubernetes_service_account_v1: ['v1', 'ServiceAccount'],
  kubernetes_service_v1: ['v1', 'Service'],
};

/** Terraform's own arguments, which no cluster sees. */
const notSent = ['depends_on', 'lifecycle', 'timeouts', 'wait_for_rollout', 'data_wo', 'data_wo_revision', 'provider'];

/** Blocks that the API has one of, wherever a block may be repeated. */
const single = ['pre_stop', 'scale_up', 'scale_down'];

/** Blocks whose name is of one item, and the API's of a list. */
const plural: Readonly<Record<string, string>> = {
  container: 'containers',
  init_container: 'initContainers',
  volume: 'volumes',
  volume_mount: 'volumeMounts',
  toleration: 'tolerations',
  topology_spread_constraint: 'topologySpreadConstraints',
  limit: 'limits',
  policy: 'policies',
  metric: 'metrics',
};

/** Maps whose keys people choose. */
const verbatim = ['labels', 'annotations', 'match_labels', 'node_selector', 'hard', 'data', 'requests', 'limits'];

/** Numbers that the provider takes as text. */
const numbers = ['replicas', 'port', 'targetPort', 'runAsUser', 'runAsGroup', 'maxSurge', 'maxUnavailable'];

/** Every object of a stack, in an order in which a cluster takes them. */
export function manifestsOf(stack: StackJson): Manifest[] {
  const typed = Object.entries(stack.resource).flatMap(([type, byId]) => {
    if (!type.startsWith('kubernetes_') || type === 'kubernetes_manifest') return [];
    const [apiVersion, kind] = kinds[type] ?? [];
    if (!apiVersion || !kind) throw new Error(`no kind is known for ${type}; add it to manifests.ts`);
    return Object.values(byId).map((attributes) => ({ apiVersion, kind, ...object(attributes, kind) }) as Manifest);
  });
  const plain = Object.values(stack.resource.kubernetes_manifest ?? {}).map(({ manifest }) => manifest as Manifest);
  return [...typed, ...plain].toSorted((a, b) => rank(a) - rank(b));
}

export const ofKind = (stack: StackJson, kind: string): Manifest[] =>
  manifestsOf(stack).filter((each) => each.kind === kind);

/** @throws Error when there is none, or more than one. */
export function only(stack: StackJson, kind: string): Manifest {
  const found = ofKind(stack, kind);
  if (found.length !== 1) throw new Error(`${found.length} of ${kind}`);
  return found[0] as Manifest;
}

/** What others need first. */
const order = ['Namespace', 'PriorityClass', 'ResourceQuota', 'LimitRange', 'ServiceAccount', 'Secret', 'ConfigMap'];
const rank = ({ kind }: Manifest): number => (order.includes(kind) ? order.indexOf(kind) : order.length);

function object(attributes: Attributes, kind: string): Attributes {
  const sent = Object.entries(attributes).filter(([key]) => !notSent.includes(key));
  const written = Object.fromEntries(sent.map(([key, value]) => [camel(key), convert(key, value)]));
  // Written through, so that a pod finds the keys that it names.
  const hidden = attributes.data_wo as Record<string, string> | undefined;
  return {
    ...written,
    ...(hidden && { stringData: hidden }),
    ...(kind === 'ServiceAccount' && { automountServiceAccountToken: attributes.automount_service_account_token }),
  };
}

function convert(name: string, value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => convert('', item));
    return single.includes(name) || name === 'selector' || name === 'label_selector' ? items[0] : items;
  }
  if (value === null || typeof value !== 'object') return numbers.includes(camel(name)) ? number(value) : value;
  if (verbatim.includes(name)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const isList = Array.isArray(inner);
      const named = isList ? (plural[key] ?? (key === 'port' ? 'ports' : camel(key))) : camel(key);
      return [named, convert(key, inner)];
    }),
  );
}

const number = (value: unknown): unknown => (/^\d+$/.test(String(value)) ? Number(value) : value);
const camel = (name: string): string => name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
