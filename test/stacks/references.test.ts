import { describe, expect, test } from '@jest/globals';
import { environments, loadEnvironment } from '../../environments/index.ts';
import { readImages } from '../../stacks/images/digests.ts';
import { sample } from '../environments/sample.ts';
import { addressBook, type StackJson, synthesized } from './synthesized.ts';

/** What each resource names, as addresses. */
function references(stack: StackJson): Map<string, string[]> {
  const locals = new Map(
    Object.entries(stack.locals ?? {}).map(([id, value]) => [`local.${id}`, JSON.stringify(value)]),
  );
  return new Map(
    [...Object.entries(stack.resource), ...Object.entries(stack.ephemeral ?? {})].flatMap(([type, byId]) =>
      Object.entries(byId).map(([id, attributes]) => {
        let text = JSON.stringify(attributes);
        for (const [local, value] of locals) if (text.includes(local)) text += value;
        return [`${type}.${id}`, addressesIn(text)] as const;
      }),
    ),
  );
}

const addressesIn = (text: string): string[] => [
  ...new Set(
    [...text.matchAll(/(?<![\w.-])(aws_[a-z0-9_]+\.[A-Za-z0-9_-]+)/g)].map(([, address]) => address as string),
  ),
];

/** A cycle as a list of addresses, or undefined. */
function cycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const walk = (at: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(at)) return [...path.slice(path.indexOf(at)), at];
    if (done.has(at)) return undefined;
    for (const next of graph.get(at) ?? []) {
      const found = walk(next, [...path, at]);
      if (found) return found;
    }
    done.add(at);
    return undefined;
  };
  for (const at of graph.keys()) {
    const found = walk(at, []);
    if (found) return found;
  }
  return undefined;
}

async function check({ foundation, service }: ReturnType<typeof synthesized>): Promise<void> {
  for (const stack of [foundation, service]) {
    const graph = references(stack);
    const there = new Set([
      ...addressBook(stack),
      ...Object.entries(stack.ephemeral ?? {}).flatMap(([type, byId]) =>
        Object.keys(byId).map((id) => `${type}.${id}`),
      ),
      ...Object.entries(stack.data ?? {}).flatMap(([type, byId]) => Object.keys(byId).map((id) => `${type}.${id}`)),
    ]);
    const dangling = [...graph].flatMap(([from, to]) => to.filter((one) => !there.has(one)).map((one) => [from, one]));
    expect(dangling).toEqual([]);
    expect(cycle(graph)).toBeUndefined();
  }
  // What the service stack takes from the other one, the other one offers.
  const taken = [...JSON.stringify(service).matchAll(/outputs\.(cross-stack-output-[A-Za-z0-9_-]+)/g)].map(
    ([, name]) => name,
  );
  for (const name of taken) expect(Object.keys(foundation.output ?? {})).toContain(name);
  expect(taken.length).toBeGreaterThan(0);
}

describe('every reference leads to something, and none in a circle', () => {
  test.each(Object.keys(environments))('%s', async (name) => {
    await check(synthesized(await loadEnvironment(name), readImages(name)));
  });

  test('a swap under way, with everything that is optional', async () => {
    const both = (['vm', 'ecs'] as const).map((platform) => ({
      platform,
      vcpu: 0.5,
      memoryMiB: 1024,
      replicas: { min: 1, max: 2 },
    }));
    await check(
      synthesized(
        sample({
          tiers: { web: both, api: both, chat: both, 'document-worker': both, vectorstore: both },
          chatModel: { url: 'https://models.example.com', model: 'm' },
          aws: {
            postgres: { instanceClass: 'db.t4g.small' },
            nat: 'instance',
            endpoints: true,
            hostedZoneId: 'Z1',
            alarmEmail: 'ops@example.com',
          },
        }),
      ),
    );
  });

  test('a circle is found', () => {
    expect(
      cycle(
        new Map([
          ['a', ['b']],
          ['b', ['c']],
          ['c', ['b']],
        ]),
      ),
    ).toEqual(['b', 'c', 'b']);
  });
});
