/** As many nodes as budgets need: for any placements, wherever a scheduler puts pods, there is room for the next one. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nodeCapacity, nodesFor, nodesMin, nodeType, podShare } from '../../../environments/budget/kubernetes-nodes.ts';
import { resolveEnvironment } from '../../../environments/environment.ts';
import type { Placement } from '../../../environments/schema/placement.ts';
import { sample } from '../sample.ts';

const type = nodeType('m7g.large');
const room = nodeCapacity(type);
const placement = (vcpu: number, memoryMiB: number, max: number): Placement => ({
  ...{ platform: 'kubernetes', weight: 100, spotPercent: 0, options: {} },
  ...{ vcpu, memoryMiB, replicas: { min: 1, max } },
});

describe('a node', () => {
  test('leaves to pods what EKS does not keep', () => {
    // 2 vCPU less 70m and the daemon sets' 200m; 8,192 MiB less 512 of firmware and kernel, 255 + 11 x 29, 100, 224.
    expect(room).toEqual({ vcpu: 1.73, memoryMiB: 6782 });
    expect(nodeCapacity(nodeType('m7g.xlarge'))).toEqual({ vcpu: 3.72, memoryMiB: 14_143 });
  });

  test('is taken by the dearest of CPU, memory and places for pods', () => {
    expect(podShare({ vcpu: 0.865, memoryMiB: 100 }, type)).toBe(0.5);
    expect(podShare({ vcpu: 0.1, memoryMiB: 3391 }, type)).toBe(0.5);
    // 29 places, four of them for daemon sets.
    expect(podShare({ vcpu: 0.01, memoryMiB: 16 }, type)).toBe(1 / 25);
  });
});

describe('nodes', () => {
  test('by hand: five tiers of half a CPU', () => {
    // 0.5 / 1.73 = 28.9 % each, the cluster's own pods 5 x 5.8 %: 1.734 of nodes that may be 71.1 % full.
    expect(nodesFor([placement(0.5, 1024, 5)], type)).toBe(3);
    expect(nodesFor([], type)).toBe(nodesMin);
    // As large as a node: one empty node beside one for each pod, of which five are the cluster's.
    expect(nodesFor([placement(1.73, 1024, 2)], type)).toBe(2 + 5 + 1);
  });

  const placements = fc.array(
    fc.record({
      vcpu: fc.integer({ min: 5, max: 173 }).map((hundredths) => hundredths / 100),
      memoryMiB: fc.integer({ min: 64, max: room.memoryMiB }),
      max: fc.integer({ min: 1, max: 6 }),
    }),
    { maxLength: 7 },
  );

  test('take every pod and one more, in whatever order and on whatever node they are put', () => {
    fc.assert(
      fc.property(placements, fc.infiniteStream(fc.nat()), (given, choices) => {
        const tiers = given.map(({ vcpu, memoryMiB, max }) => placement(vcpu, memoryMiB, max));
        const nodes = Array.from({ length: nodesFor(tiers, type) }, () => ({ ...room, places: 25 }));
        const largest = tiers.toSorted((a, b) => podShare(b, type) - podShare(a, type)).slice(0, 1);
        const pods = [...tiers.flatMap((tier) => Array.from({ length: tier.replicas.max }, () => tier)), ...largest];
        for (const { vcpu, memoryMiB } of pods) {
          const fitting = nodes.filter(
            (node) => node.vcpu >= vcpu - 1e-9 && node.memoryMiB >= memoryMiB && node.places > 0,
          );
          const node = fitting[(choices.next().value as number) % fitting.length];
          if (!node) return false;
          node.vcpu -= vcpu;
          node.memoryMiB -= memoryMiB;
          node.places -= 1;
        }
        return true;
      }),
    );
  });

  test('never take a pod that is larger than one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), (more) => {
        const text =
          'fits on no m7g.large, which leaves vcpu 1.73, memoryMiB 6782; lower the budget or choose a larger';
        expect(() => nodesFor([placement(1.73 + more / 100, 512, 1)], type)).toThrow(text);
        expect(() => nodesFor([placement(0.5, room.memoryMiB + more, 1)], type)).toThrow(text);
      }),
    );
  });
});

describe('an environment', () => {
  const made = { cluster: 'make', apiCidrs: ['203.0.113.7/32'] };
  const chat = { platform: 'kubernetes', vcpu: 0.5, memoryMiB: 1024, replicas: 5, slots: 32 } as const;
  const resolve = (kubernetes: object, tier: object = chat, aws: object = {}) =>
    resolveEnvironment(sample({ kubernetes: kubernetes as never, tiers: { chat: tier } as never, aws }));

  test('may have a cluster made', () => {
    expect(resolve(made).kubernetes).toMatchObject({ cluster: 'make', apiCidrs: ['203.0.113.7/32'], adminArns: [] });
    expect(resolve({ ...made, apiCidrs: [], nodes: 3 }).kubernetes?.nodes).toBe(3);
  });

  test.each([
    ['no word about its API', { cluster: 'make' }, {}, "missing; needed with cluster 'make': who deploys"],
    [
      'an API for the whole internet',
      { ...made, apiCidrs: ['0.0.0.0/0'] },
      {},
      "given '0.0.0.0/0', the whole internet",
    ],
    ['no way out', made, { nat: 'none' }, "given 'make' with aws.nat 'none'"],
    ['addresses of pods', { ...made, podCidr: '10.20.0.0/16' }, {}, "given with cluster 'make'"],
    ['fewer nodes than needed', { ...made, nodes: 2 }, {}, 'given 2; the budgets need 3 x m7g.large: allowed from 3'],
    ['a single node', { ...made, nodes: 1 }, {}, 'given 1; allowed from 2'],
    [
      'nodes of others',
      { cluster: 'company', podCidr: '10.20.0.0/16', nodes: 3 },
      {},
      "where it is its owner's to say",
    ],
    ['no addresses of the pods of others', { cluster: 'company' }, {}, "missing; needed with the cluster 'company'"],
  ])('with %s is refused', (_, kubernetes, aws, text) => {
    expect(() => resolve(kubernetes, chat, aws)).toThrow(text);
  });

  test('with a pod larger than a node is refused', () => {
    expect(() => resolve(made, { ...chat, vcpu: 2 })).toThrow('a pod of vcpu 2, memoryMiB 1024 fits on no m7g.large');
  });
});
