import { describe, expect, test } from '@jest/globals';
import type { BasePlacementInput } from '../../environments/environment.ts';
import { type ServiceName, serviceNames, services } from '../../services/manifest.ts';
import { sample } from '../environments/sample.ts';
import { addressBook, ofType, type StackJson, synthesized } from './synthesized.ts';

const platforms = ['vm', 'ecs'] as const;
const place = (platform: (typeof platforms)[number], weight = 100): BasePlacementInput => ({
  platform,
  vcpu: 0.5,
  memoryMiB: 1024,
  weight,
});
const withTier = (name: ServiceName, places: BasePlacementInput | BasePlacementInput[]) =>
  synthesized(sample({ tiers: { [name]: places } as never }));

/** Resources that belong to a platform child of the tier. */
const ofChild = (name: ServiceName) => (address: string) =>
  platforms.some((platform) => address.includes(`.${name}_${platform}_`));

/** A tier's route names the child's target group, so its content follows the swap; its id does not. */
const isRoute = (name: ServiceName) => (address: string) =>
  [`aws_lb_listener_rule.${name}_route-`, `aws_lb_listener.${name}_internal_`].some((start) =>
    address.startsWith(start),
  );

/** Everything outside of the child and the routes, with its content. */
function outside(stack: StackJson, name: ServiceName): unknown {
  const { resource, locals, data, ...rest } = stack;
  const kept = Object.fromEntries(
    Object.entries(resource).map(([type, byId]) => [
      type,
      Object.fromEntries(
        Object.entries(byId).filter(([id]) => !ofChild(name)(`${type}.${id}`) && !isRoute(name)(`${type}.${id}`)),
      ),
    ]),
  );
  const used = Object.fromEntries(Object.entries(kept).filter(([, byId]) => Object.keys(byId).length > 0));
  return { rest, resource: used };
}

describe.each(serviceNames)('%s', (name) => {
  const behindHttp = services[name].routes.length > 0 || name === 'vectorstore';
  const states = {
    vm: withTier(name, place('vm')),
    ecs: withTier(name, place('ecs')),
    both: withTier(name, behindHttp ? [place('vm', 90), place('ecs', 10)] : [place('vm'), place('ecs')]),
  };
  const moves = [
    ['vm', 'ecs'],
    ['ecs', 'vm'],
    ['vm', 'both'],
    ['both', 'ecs'],
    ['ecs', 'both'],
    ['both', 'vm'],
  ] as const;

  test.each(moves)('%s to %s leaves all other resources and all state as they are', (from, to) => {
    expect(outside(states[to].service, name)).toEqual(outside(states[from].service, name));
    expect(states[to].foundation).toEqual(states[from].foundation);
  });

  test.each(moves)('%s to %s keeps the ids of everything outside the child', (from, to) => {
    const ids = (stack: StackJson) => addressBook(stack).filter((address) => !ofChild(name)(address));
    expect(ids(states[to].service)).toEqual(ids(states[from].service));
  });

  test('both platforms share requests by weight while the swap is under way', () => {
    if (!behindHttp) return;
    const types = ['aws_lb_listener_rule', 'aws_lb_listener'] as const;
    const routes = types.flatMap((type) =>
      Object.entries(ofType(states.both.service, type)).filter(([id]) => isRoute(name)(`${type}.${id}`)),
    );
    expect(routes.length).toBeGreaterThan(0);
    for (const [, route] of routes) expect(JSON.stringify(route)).toMatch(/"weight":90\}.*"weight":10\}/);
  });

  test('the child alone comes and goes', () => {
    const children = (stack: StackJson) => addressBook(stack).filter(ofChild(name));
    expect(children(states.both.service)).toEqual(
      [...children(states.vm.service), ...children(states.ecs.service)].toSorted(),
    );
  });
});

test('a placement at weight 0 is there and takes nothing', () => {
  const { service } = withTier('api', [place('vm', 0), place('ecs')]);
  expect(JSON.stringify(ofType(service, 'aws_lb_listener_rule'))).toMatch(/"weight":0\}.*"weight":100\}/);
  expect(Object.keys(ofType(service, 'aws_autoscaling_group'))).toHaveLength(1);
});
