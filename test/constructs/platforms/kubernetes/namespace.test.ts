import { expect, test } from '@jest/globals';
import type { Placement } from '../../../../environments/schema/placement.ts';
import { connections } from '../../../../environments/wiring/connections.ts';
import { type ServiceName, serviceNames, services } from '../../../../services/manifest.ts';
import { placement, tierJson } from '../harness.ts';
import { ofKind, only } from './manifests.ts';

const on = (service: ServiceName, changes: Partial<Placement> = {}) =>
  tierJson(service, { placements: [placement({ platform: 'kubernetes', ...changes })] });

test('network policies are the matrix, both ways, and nothing else', () => {
  const allowed = serviceNames.flatMap((service) => {
    const [policy] = ofKind(on(service), 'NetworkPolicy').filter(({ metadata }) => metadata.name === service);
    const { ingress = [], egress = [] } = (policy?.spec ?? {}) as Record<'ingress' | 'egress', Rule[]>;
    return [
      ...lines(ingress, 'from').map((peer) => `${service} < ${peer}`),
      ...lines(egress, 'to').map((peer) => `${service} > ${peer}`),
    ];
  });
  const edges = connections(services);
  const expected = edges.flatMap((edge): string[] => {
    if (edge.kind === 'public') return [`${edge.to} < public : ${services[edge.to].port}`];
    if (edge.kind === 'call') return [`${edge.from} > internal : ${services[edge.to].port}`];
    if (edge.kind === 'egress') return edge.to === 'model' ? [`${edge.from} > outside : 8443`] : [];
    if (edge.store === 'document-store') return [`${edge.from} > outside : 443`, `${edge.from} > roles : 80`];
    return [`${edge.from} > stores : ${edge.store === 'postgres' ? 5432 : 6379}`];
  });
  // The harness says of the vectorstore alone that it is called.
  expect(allowed.toSorted()).toEqual([...expected, 'vectorstore < internal : 8005'].toSorted());
});

test('a namespace denies what no tier declares, and lets names be asked', () => {
  const [deny] = ofKind(on('web'), 'NetworkPolicy').filter(({ metadata }) => metadata.name === 'default-deny');
  expect(deny?.spec).toEqual({
    podSelector: {},
    policyTypes: ['Ingress', 'Egress'],
    egress: [
      {
        to: [
          {
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
            podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
          },
        ],
        ports: [
          { protocol: 'UDP', port: 53 },
          { protocol: 'TCP', port: 53 },
        ],
      },
    ],
  });
});

test('a namespace holds the budgets of every replica and its successor, all of them Guaranteed and restricted', () => {
  const stack = on('chat', { replicas: { min: 1, max: 3 } });
  expect(only(stack, 'ResourceQuota').spec?.hard).toMatchObject({
    'requests.cpu': '3000m',
    'limits.cpu': '3000m',
    'requests.memory': '6144Mi',
    'limits.memory': '6144Mi',
    pods: '6',
  });
  expect(only(stack, 'LimitRange').spec?.limits).toEqual([
    { type: 'Container', maxLimitRequestRatio: { cpu: '1', memory: '1' } },
  ]);
  expect(only(stack, 'Namespace').metadata.labels).toMatchObject({
    'pod-security.kubernetes.io/enforce': 'restricted',
    'pod-security.kubernetes.io/enforce-version': 'v1.34',
  });
});

interface Rule {
  readonly ports: readonly { readonly port: number }[];
  readonly [peers: string]: readonly unknown[];
}

const names: Readonly<Record<string, string>> = {
  '10.0.0.0/20': 'public',
  '10.0.64.0/20': 'internal',
  '10.0.128.0/20': 'stores',
  '169.254.170.23/32': 'roles',
  '0.0.0.0/0': 'outside',
};

const lines = (rules: readonly Rule[], side: string): string[] =>
  rules.flatMap((rule) =>
    (rule[side] as { ipBlock: { cidr: string; except?: string[] } }[]).flatMap(({ ipBlock }) => {
      // Outside is not the environment's own network, nor a node's metadata.
      if (ipBlock.cidr === '0.0.0.0/0') expect(ipBlock.except).toEqual(['10.0.0.0/16', '169.254.0.0/16']);
      return rule.ports.map(({ port }) => `${names[ipBlock.cidr]} : ${port}`);
    }),
  );
