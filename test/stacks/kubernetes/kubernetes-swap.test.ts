/** A swap to and from a cluster. Beside the tier's own child, the way of the cluster's pods to stores comes and goes. */
import { describe, expect, test } from '@jest/globals';
import type { BasePlacementInput } from '../../../environments/environment.ts';
import { definitionOf, type ServiceName, serviceNames } from '../../../services/manifest.ts';
import { sample } from '../../environments/sample.ts';
import { addressBook, ofType, type StackJson, type Synthesized, synthesized } from '../synthesized.ts';

const kubernetes = { cluster: 'company', podCidr: '10.20.0.0/16' };
const place = (platform: 'ecs' | 'vm' | 'kubernetes', weight = 100): BasePlacementInput => ({
  ...{ platform, vcpu: 0.5, memoryMiB: 1024, weight },
});
const withTier = (name: ServiceName, places: BasePlacementInput | BasePlacementInput[]) =>
  synthesized(sample({ kubernetes, tiers: { [name]: places } as never }));

/** With content, all but the tier's children, its routes and what all pods share. */
function kept(stack: StackJson, name: ServiceName) {
  const own = ['ecs', 'vm', 'kubernetes'].map((platform) => `${name}_${platform}_`);
  const gone = [...own, `${name}_route-`, `${name}_internal_`, 'kubernetes_'];
  return Object.entries(stack.resource).flatMap(([type, byId]) =>
    Object.entries(byId)
      .filter(([id]) => !gone.some((start) => id.startsWith(start)))
      .map(([id, content]) => ({ [`${type}.${id}`]: content })),
  );
}

describe.each(serviceNames)('%s', (name) => {
  const behindHttp = definitionOf(name).routes.length > 0 || name === 'vectorstore';
  const states = {
    ecs: withTier(name, place('ecs')),
    vm: withTier(name, place('vm')),
    kubernetes: withTier(name, place('kubernetes')),
    both: withTier(
      name,
      behindHttp ? [place('ecs', 90), place('kubernetes', 10)] : [place('ecs'), place('kubernetes')],
    ),
  };

  test.each(['ecs', 'vm', 'both'] as const)('kubernetes and %s differ in the tier’s child alone', (other) => {
    expect(kept(states.kubernetes.service, name)).toEqual(kept(states[other].service, name));
    expect(states.kubernetes.foundation.resource).toEqual(states[other].foundation.resource);
  });

  test('in the cluster nothing but the tier’s own objects, the quota and the collector differ', () => {
    const rest = ({ kubernetes: stack }: Synthesized) =>
      addressBook(stack as StackJson).filter((address) => !/\.(logs_|namespace_quota)/.test(address));
    const added = rest(states.kubernetes).filter((address) => !rest(states.ecs).includes(address));
    expect(added.length).toBeGreaterThan(3);
    expect(added.filter((address) => !address.includes(`.${name}_`))).toEqual([]);
  });

  test('both share requests by weight', () => {
    if (!behindHttp) return;
    const routes = ['aws_lb_listener_rule', 'aws_lb_listener'].flatMap((type) =>
      Object.entries(ofType(states.both.service, type)).filter(([id]) => /^[a-z-]+_(route-|internal_)/.test(id)),
    );
    const own = routes.filter(([id]) => id.startsWith(`${name}_`));
    expect(own.length).toBeGreaterThan(0);
    for (const [, route] of own) expect(JSON.stringify(route)).toMatch(/"weight":90\}.*"weight":10\}/);
  });
});
