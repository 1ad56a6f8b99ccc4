import { hostname } from 'node:os';
import { describe, expect, test } from '@jest/globals';
import { resolveEnvironment } from '../../environments/environment.ts';
import { environments, loadEnvironment } from '../../environments/index.ts';
import { billingOf } from '../../environments/pricing/resources.ts';
import { readImages } from '../../stacks/images/digests.ts';
import { difference } from '../stacks/difference.ts';
import { addressBook, type StackJson, type Synthesized, synthesized } from '../stacks/synthesized.ts';

const names = Object.keys(environments);
/** The environment with the most of everything: its stacks are recorded whole. */
const full = 'prod';
const renamed = (stack: StackJson, name: string): StackJson =>
  JSON.parse(JSON.stringify(stack).replaceAll(new RegExp(`\\b${full}\\b`, 'g'), name));
const known = new Map<string, Synthesized>();
async function stacksOf(name: string): Promise<Synthesized> {
  const made = known.get(name) ?? synthesized(await loadEnvironment(name), readImages(name));
  known.set(name, made);
  return made;
}

describe.each(names)('%s', (name) => {
  // A changed line in this snapshot is a resource destroyed and another created.
  test('address book', async () => {
    const { foundation, service } = await stacksOf(name);
    expect({ foundation: addressBook(foundation), service: addressBook(service) }).toMatchSnapshot();
  });

  if (name === full)
    test('everything', async () => {
      const { foundation, service } = await stacksOf(name);
      expect({ foundation, service }).toMatchSnapshot();
    });
  // With the snapshot above this says everything of these stacks too.
  else
    test.each(['foundation', 'service'] as const)(`what of its %s differs from ${full}'s`, async (part) => {
      const [given, other] = [await stacksOf(name), await stacksOf(full)];
      expect(difference(given[part], renamed(other[part], name))).toMatchSnapshot();
    });

  test('is the same on every machine and every day', async () => {
    const { text } = await stacksOf(name);
    expect(synthesized(await loadEnvironment(name), readImages(name)).text).toBe(text);
    for (const local of [process.cwd(), `"${hostname()}"`, new Date().toISOString().slice(0, 10)])
      expect(text.includes(local) && local).toBe(false);
  });

  test('every resource is priced or free for a reason', async () => {
    const { foundation, service } = await stacksOf(name);
    for (const type of [...Object.keys(foundation.resource), ...Object.keys(service.resource)])
      expect(() => billingOf(type)).not.toThrow();
  });

  test('state lies in S3, locked, and needs a Terraform that keeps secrets out of it', async () => {
    const { foundation, service } = await stacksOf(name);
    for (const [part, { terraform }] of [
      ['foundation', foundation],
      ['service', service],
    ] as const)
      expect(terraform).toMatchObject({
        backend: { s3: { key: `${name}/${part}.tfstate`, encrypt: true, use_lockfile: true } },
        required_version: '>= 1.11',
      });
  });
});

test('bench fits beside a load generator on two cores', async () => {
  const { tiers } = resolveEnvironment(await loadEnvironment('bench'));
  const vcpu = Object.values(tiers).reduce((sum, [place]) => sum + (place?.vcpu ?? 0) * (place?.replicas.max ?? 0), 0);
  expect(vcpu).toBeLessThanOrEqual(1.5);
});

test('an unknown environment names those there are', async () => {
  await expect(loadEnvironment('produ')).rejects.toThrow(
    "no environment 'produ'; allowed: bench, dev, staging, prod; a new one is a file and a line in environments/",
  );
});
