/** A new environment like another: its files are written, and it is one of the environments from then on. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { dev } from '../../../environments/dev.ts';
import { prod } from '../../../environments/prod.ts';
import { cloned } from '../../../stacks/clone.ts';
import { type CopiedTree, copiedTree } from '../../support/terraform/adopted-tree.ts';

const root = join(import.meta.dirname, '../../..');
const text = (name: string) => readFileSync(join(root, 'environments', name), 'utf8');
const of = (name: string, input = dev) => ({ file: text(`${name}.ts`), index: text('index.ts'), input });

describe('refuses', () => {
  test.each([
    [
      'an environment that is not there',
      'nowhere',
      'review7',
      "no environment 'nowhere'; allowed: bench, dev, staging, prod",
    ],
    ['a name that is taken', 'dev', 'prod', "'prod' is there already; allowed: a name beside bench, dev"],
    ['the name of another file', 'dev', 'index', "'index' is there already"],
    [
      'a name that is too long',
      'dev',
      'review-of-seven',
      'must be 2 to 8 lower-case letters or digits, a letter first',
    ],
    ['a name that begins with a digit', 'dev', '7review', 'a letter first'],
    ['a name with a way in it', 'dev', '../dev', 'must be 2 to 8'],
  ])('%s', (_, from, to, message) => {
    expect(() => cloned(from, to, of('dev'))).toThrow(message);
  });

  test('a host that both would have', () => {
    expect(() => cloned('prod', 'next', of('prod', prod))).toThrow(
      "'bulkhead.example.com' does not say 'prod', and both cannot have it; give the clone's with --host",
    );
    const { file } = cloned('prod', 'next', of('prod', prod), { host: 'next.example.com' });
    expect(file).toContain("publicHost: 'next.example.com'");
    expect(file).toContain("stateBucket: 'bulkhead-next-state'");
  });

  test.each(['https://next.company.test', '$&'])('what is no host: %s', (host) => {
    expect(() => cloned('dev', 'next', of('dev'), { host })).toThrow("must be a host name, as in 'chat.example.com'");
  });
});

test('replaces the name where it is one, and nowhere else', () => {
  const file = `/** The dev one. */\nexport const dev: EnvironmentInput = {\n  name: 'dev', // as dev\n  x: 'device', y: 'my-dev-state',\n};\n`;
  expect(cloned('dev', 'two', { ...of('dev'), file }).file).toBe(
    `/** Like dev: \`npm run clone -- dev two\`. */\nexport const two: EnvironmentInput = {\n  name: 'two', // as dev\n  x: 'device', y: 'my-two-state',\n};\n`,
  );
});

describe('npm run clone -- dev review7', () => {
  let copied: CopiedTree;
  let tree: string;
  beforeEach(() => {
    copied = copiedTree();
    tree = copied.folder;
  });
  afterEach(() => copied.close());

  const run = (...args: string[]) =>
    execa(process.execPath, ['--no-experimental-detect-module', ...args], { cwd: tree, reject: false, all: true });

  test('writes an environment that synthesizes, under its own names', async () => {
    const clone = await run('stacks/clone.ts', 'dev', 'review7');
    expect({ ...clone, all: clone.all }).toMatchObject({
      exitCode: 0,
      all: expect.stringContaining('npm run synth -- review7'),
    });
    const synth = await run('stacks/main.ts', 'review7');
    expect(synth.all).toMatch(/^review7 in us-east-1: \$/);
    const written = readFileSync(join(tree, 'cdktf.out/stacks/review7-service/cdk.tf.json'), 'utf8');
    expect(written).toContain('bulkhead-review7');
    expect(written).toContain('"key": "review7/service.tfstate"');
    expect(written).not.toMatch(/bulkhead-dev|dev\.bulkhead/);
    // What is not pushed is not deployed.
    const deploy = await run('stacks/deploying/deploy.ts', 'deploy', 'review7');
    expect(deploy.all).toContain('npm run images -- --push review7');

    const again = await run('stacks/clone.ts', 'dev', 'review7');
    expect(again).toMatchObject({ exitCode: 1, all: expect.stringContaining("'review7' is there already") });
  }, 120_000);

  test('never writes over a file', async () => {
    writeFileSync(join(tree, 'environments/review7.ts'), '// somebody else’s');
    expect(await run('stacks/clone.ts', 'dev', 'review7')).toMatchObject({ exitCode: 1 });
    expect(readFileSync(join(tree, 'environments/review7.ts'), 'utf8')).toBe('// somebody else’s');
    expect(existsSync(join(tree, 'environments/images.review7.json'))).toBe(false);
    expect(readFileSync(join(tree, 'environments/index.ts'), 'utf8')).not.toContain('review7');
  }, 60_000);
});
