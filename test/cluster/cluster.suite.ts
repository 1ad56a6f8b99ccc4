/**
 * What an environment puts into a cluster, put into a real control plane: `npm run test:cluster`. Builds it first, once.
 * Not part of `npm test` or CI. Nodes are played by kwok: what is decided is real (admission, quota, scheduling, rollouts,
 * evictions), no container runs.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { nodeCapacity, nodesFor, nodeType } from '../../environments/budget/kubernetes-nodes.ts';
import { resolveEnvironment } from '../../environments/environment.ts';
import { onKubernetes } from '../../environments/schema/kubernetes.ts';
import { definitionOf, serviceNames } from '../../services/manifest.ts';
import { type Manifest, manifestsOf } from '../constructs/platforms/kubernetes/manifests.ts';
import { sample } from '../environments/sample.ts';
import { type StackJson, synthesized } from '../stacks/synthesized.ts';
import { type Api, create, type Json, list, until } from './api.ts';
import { buildPrograms, lacksControlPlane } from './build.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

const names = serviceNames.filter((name) => !definitionOf(name).optional);
const replicas = { min: 2, max: 2 };
const budget = { platform: 'kubernetes', vcpu: 0.25, memoryMiB: 1024, replicas } as const;
const input = sample({
  kubernetes: { cluster: 'make', apiCidrs: [] },
  tiers: {
    ...Object.fromEntries(names.map((name) => [name, budget])),
    'document-worker': { ...budget, vcpu: 1 },
  } as never,
});
const placements = onKubernetes(resolveEnvironment(input)).map(({ placement }) => placement);
const type = nodeType('m7g.large');
const placed = names.length * replicas.max;
const namespace = 'bulkhead-test';
const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`;
const podsPath = `/api/v1/namespaces/${namespace}/pods`;

/** On a busy machine a rollout of all tiers took 160 s. */
jest.setTimeout(900_000);

let plane: ControlPlane;
let api: Api;

const node = (index: number): Manifest => {
  const name = `node-${index}`;
  const { vcpu, memoryMiB } = nodeCapacity(type);
  // Of 29 places four are the daemon sets', whose needs are off already.
  const room = { cpu: `${Math.floor(vcpu * 1000)}m`, memory: `${memoryMiB}Mi`, pods: '25' };
  const labels = {
    ...{ 'kubernetes.io/arch': 'arm64', 'kubernetes.io/os': 'linux', 'kubernetes.io/hostname': name },
    'topology.kubernetes.io/zone': `zone-${index % 2}`,
  };
  return {
    ...{ apiVersion: 'v1', kind: 'Node', metadata: { name, labels }, spec: {} },
    status: { capacity: room, allocatable: room },
  };
};

/** The cluster's own: names, and the controllers beside them. */
const ownPods: Manifest = {
  ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'own', namespace: 'kube-system' } },
  spec: {
    ...{ replicas: 5, selector: { matchLabels: { app: 'own' } } },
    template: {
      metadata: { labels: { app: 'own' } },
      spec: {
        containers: [{ name: 'own', image: 'own:1', resources: { requests: { cpu: '100m', memory: '200Mi' } } }],
      },
    },
  },
};

/** What the controller of balancers brings along. */
const bindings: Manifest = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'targetgroupbindings.elbv2.k8s.aws' },
  spec: {
    ...{ group: 'elbv2.k8s.aws', scope: 'Namespaced' },
    names: { kind: 'TargetGroupBinding', plural: 'targetgroupbindings' },
    versions: [
      {
        ...{ name: 'v1beta1', served: true, storage: true },
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

/** The stack's objects; what Terraform would look up is some text. */
const objects = (stack: StackJson): Manifest[] =>
  JSON.parse(JSON.stringify(manifestsOf(stack)).replaceAll(/\$\{[^}]*\}/g, 'known-later')) as Manifest[];

interface Pod extends Json {
  readonly metadata: { name: string; deletionTimestamp?: string; labels: Record<string, string> };
  readonly spec: { nodeName?: string };
  readonly status: { phase: string; qosClass: string };
}
const pods = async (): Promise<Pod[]> =>
  ((await list(api, podsPath)) as Pod[]).filter(({ metadata }) => !metadata.deletionTimestamp);

interface Deployment extends Json {
  readonly metadata: { name: string; generation: number };
  readonly spec: { replicas: number };
  readonly status: Json;
}
/** All its replicas, of the newest template. */
const whole = ({ metadata, spec, status }: Deployment): boolean =>
  status.observedGeneration === metadata.generation &&
  [status.replicas, status.updatedReplicas, status.availableReplicas].every((each) => each === spec.replicas);

const settled = () =>
  until('every tier with all its replicas', async () => {
    const missing = ((await list(api, deployments)) as Deployment[]).filter((each) => !whole(each));
    if (missing.length === 0) return true;
    const events = await list(api, `/api/v1/namespaces/${namespace}/events`);
    const last = events.slice(-8).map(({ message }) => message);
    throw new Error(
      `${JSON.stringify(missing.map(({ metadata, status }) => [metadata.name, status]))} ${last.join('; ')}`,
    );
  });

const patch = async (name: string, body: object) => {
  const { status, body: answer } = await api('PATCH', `${deployments}/${name}`, body);
  expect({ status, message: answer.message }).toEqual({ status: 200, message: undefined });
};
const annotated = (value: string) => ({ spec: { template: { metadata: { annotations: { release: value } } } } });
const templates = async (name: string) =>
  new Set(
    (await pods())
      .filter(({ metadata }) => metadata.labels['app.kubernetes.io/name'] === name)
      .map(({ metadata }) => metadata.labels['pod-template-hash']),
  );

beforeAll(async () => {
  const lacking = await lacksControlPlane();
  if (lacking) throw new Error(lacking);
  await buildPrograms((line) => process.stderr.write(`${line}\n`));
  plane = await startControlPlane();
  api = plane.api;
  await until('its own namespace', async () => (await api('GET', '/api/v1/namespaces/kube-system')).status === 200);
  for (let index = 0; index < nodesFor(placements, type); index++) await create(api, node(index));
  await create(api, ownPods);
  await create(api, bindings);
  const made = objects(synthesized(input).kubernetes as StackJson);
  for (const manifest of made) await until(`${manifest.kind} ${manifest.metadata.name}`, () => once(manifest), 30_000);
}, 3_600_000);
afterAll(() => plane?.close());

/** Some kinds are known a moment after what describes them. */
async function once(manifest: Manifest): Promise<true> {
  await create(api, manifest);
  return true;
}

test('every pod runs, as Guaranteed, on as many nodes as were calculated', async () => {
  await settled();
  await until('all of them running', async () => (await pods()).every(({ status }) => status.phase === 'Running'));
  const found = await pods();
  expect(found).toHaveLength(placed);
  expect(new Set(found.map(({ status }) => status.qosClass))).toEqual(new Set(['Guaranteed']));
  process.stdout.write(`${found.length} pods, all Guaranteed, on ${nodesFor(placements, type)} x ${type.name}\n`);
});

test('a drain is allowed, one replica of a tier at a time, and every pod finds another place', async () => {
  await api('PATCH', '/api/v1/nodes/node-0', { spec: { unschedulable: true } });
  // Without one node there is no room for all; the group has a new one first.
  await create(api, node(100));
  const there = (await pods()).filter(({ spec }) => spec.nodeName === 'node-0');
  expect(there.length).toBeGreaterThan(0);
  for (const { metadata } of there) {
    const { name } = metadata;
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
    // 429: another of its tier is on its way.
    await until(`the eviction of ${name}`, async () => {
      const { status } = await api('POST', `${podsPath}/${name}/eviction`, eviction);
      return status === 201 || status === 404;
    });
  }
  await until('another place for each', async () => {
    const running = (await pods()).filter(({ status }) => status.phase === 'Running');
    return running.length === placed && running.every(({ spec }) => spec.nodeName !== 'node-0');
  });
  await settled();
});

test('a rollout replaces every pod without taking one away first', async () => {
  const before = await templates('chat');
  await patch('chat', annotated('2'));
  let fewest = Number.POSITIVE_INFINITY;
  await until('the rollout', async () => {
    const chat = (await api('GET', `${deployments}/chat`)).body as Deployment;
    fewest = Math.min(fewest, Number(chat.status.availableReplicas ?? 0));
    return whole(chat);
  });
  expect(fewest).toBe(replicas.max);
  expect([...(await templates('chat'))].filter((template) => before.has(template))).toEqual([]);
});

test('rollouts of all tiers at once come to an end', async () => {
  for (const name of names) await patch(name, annotated('3'));
  await settled();
});

test('a rollout that cannot start leaves the old pods, and is taken back', async () => {
  await settled();
  const before = await templates('chat');
  const impossible = { template: { spec: { nodeSelector: { 'kubernetes.io/arch': 'none' } } } };
  await patch('chat', { spec: impossible });
  await until('a pod that waits', async () => (await pods()).some(({ status }) => status.phase === 'Pending'));
  const running = (await pods()).filter(
    ({ metadata, status }) => metadata.labels['app.kubernetes.io/name'] === 'chat' && status.phase === 'Running',
  );
  expect(running).toHaveLength(replicas.max);
  await patch('chat', { spec: { template: { spec: { nodeSelector: { 'kubernetes.io/arch': 'arm64' } } } } });
  await settled();
  // The very template of before: nothing was started anew.
  expect(await templates('chat')).toEqual(before);
});

test('the quota is filled exactly by every replica and its successor, and one pod more is refused', async () => {
  for (let index = 200; index < 206; index++) await create(api, node(index));
  const path = `/api/v1/namespaces/${namespace}/resourcequotas/budgets`;
  for (const name of names) await patch(name, { spec: { replicas: 2 * replicas.max } });
  await settled();
  const { hard, used } = (await api('GET', path)).body.status as { hard: Json; used: Json };
  const budgets = ['requests.cpu', 'limits.cpu', 'requests.memory', 'limits.memory', 'pods'];
  const milli = (value: unknown) => {
    const [, amount, unit = ''] = /^(\d+)(m|Mi|Gi)?$/.exec(String(value)) ?? [];
    return Number(amount) * ({ m: 1, Mi: 1, Gi: 1024, '': 1000 }[unit] ?? Number.NaN);
  };
  for (const each of budgets) expect([each, milli(used[each])]).toEqual([each, milli(hard[each])]);
  await patch('web', { spec: { replicas: 2 * replicas.max + 1 } });
  await until('the refusal', async () => {
    const events = await list(api, `/api/v1/namespaces/${namespace}/events`);
    return events.some(({ message }) => String(message).includes('exceeded quota: budgets'));
  });
  process.stdout.write(`quota: ${budgets.map((each) => `${each} ${used[each]} of ${hard[each]}`).join(', ')}\n`);
  await patch('web', { spec: { replicas: replicas.max } });
});

test('what is not restricted, or takes more than it asks for, is refused', async () => {
  for (const name of names) await patch(name, { spec: { replicas: replicas.max } });
  await settled();
  const pod = (securityContext: object, limits: object): Manifest => ({
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'stranger', namespace } },
    spec: {
      containers: [
        { name: 'x', image: 'x:1', securityContext, resources: { requests: { cpu: '100m', memory: '64Mi' }, limits } },
      ],
    },
  });
  const same = { cpu: '100m', memory: '64Mi' };
  await expect(create(api, pod({}, same))).rejects.toThrow('violates PodSecurity "restricted:v1.34"');
  const restricted = {
    ...{ runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    seccompProfile: { type: 'RuntimeDefault' },
  };
  await expect(create(api, pod(restricted, { cpu: '1', memory: '64Mi' }))).rejects.toThrow('limit to request ratio');
});
