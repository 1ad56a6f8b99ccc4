/** The examples that docs/constructs.md shows: each is synthesized with the policies, and none is missing. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { App, Aspects, type TerraformStack, Testing } from 'cdktf';
import { ExampleClusterStack } from '../../../constructs/examples/cluster-stack.ts';
import { ExistingStack } from '../../../constructs/examples/existing-stack.ts';
import { NamespaceStack } from '../../../constructs/examples/namespace-stack.ts';
import { StoresStack } from '../../../constructs/examples/stores-stack.ts';
import { policies } from '../../../constructs/policies/policies.ts';
import { faultsOf, ofType, type StackJson } from '../../stacks/synthesized.ts';

const named = { prefix: 'example-dev', region: 'us-east-1' };
const keyArn = 'arn:aws:kms:us-east-1:123456789012:key/example';
/** What each is for: a resource or a value that is read, and none of another kind may be missing in silence. */
const examples: readonly [file: string, make: (app: App) => TerraformStack, makes: string][] = [
  [
    'cluster-stack.ts',
    (app) => new ExampleClusterStack(app, 'cluster', { ...named, subnetIds: ['subnet-a', 'subnet-b'], keyArn }),
    'aws_eks_node_group',
  ],
  ['existing-stack.ts', (app) => new ExistingStack(app, 'existing', { ...named, keyArn }), 'aws_secretsmanager_secret'],
  [
    'namespace-stack.ts',
    (app) =>
      new NamespaceStack(app, 'namespace', {
        ...named,
        groups: { publicBalancer: 'sg-balancer', postgres: 'sg-postgres', redis: 'sg-redis' },
      }),
    'kubernetes_resource_quota_v1',
  ],
  [
    'stores-stack.ts',
    (app) => new StoresStack(app, 'stores', { ...named, host: 'chat.company.test' }),
    'aws_db_instance',
  ],
];

test.each(examples)('%s is synthesized, and no policy finds a fault', (_file, make, makes) => {
  const stack = make(new App());
  for (const policy of Object.values(policies)) Aspects.of(stack).add(policy);
  const json = JSON.parse(Testing.synth(stack, true)) as StackJson;
  expect(Object.keys(ofType(json, makes)).length).toBeGreaterThan(0);
  expect(faultsOf(stack)).toEqual([]);
});

test('each example has a test', () => {
  // Somebody else's services have a file of their own beside this.
  expect(readdirSync(join(import.meta.dirname, '../../../constructs/examples')).toSorted()).toEqual(
    [...examples.map(([file]) => file), 'third-party-stack.ts'].toSorted(),
  );
});

test('each construct has an example, or says which construct makes it', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/constructs.md'), 'utf8');
  const sections = page.split(/^## /m).slice(1, -1);
  expect(sections.length).toBeGreaterThan(30);
  const without = sections.filter((text) => !/^(Example, in|Made in) /m.test(text)).map((text) => text.split('\n')[0]);
  expect(without).toEqual([]);
});
