/** `npm run diff|deploy|rotate|destroy` as people type them, with the real cdktf CLI and a stand-in for terraform. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { adoptedTree, type CopiedTree } from '../../support/terraform/adopted-tree.ts';
import { type StandIn, standIn } from '../../support/terraform/stand-in.ts';

let tree: CopiedTree;
let terraform: StandIn;
beforeAll(() => {
  tree = adoptedTree();
});
afterAll(() => tree.close());
beforeEach(() => {
  terraform = standIn();
});
afterEach(() => terraform.close());

const run = (action: string, args: readonly string[], env: Record<string, string> = {}) =>
  execa('npm', ['run', '--silent', action, '--', ...args], {
    cwd: tree.folder,
    reject: false,
    all: true,
    env: { ...terraform.env, ...env },
  });
/** What changes something or looks at it, without the preparations. */
const acts = () => terraform.lines().filter((line) => / (plan|apply|destroy) /.test(`${line} `));
const yes = '--auto-approve';

describe('a deploy', () => {
  test('applies the foundation, then the tiers, each with its own locked state', async () => {
    const { exitCode } = await run('deploy', ['dev', yes]);
    expect(exitCode).toBe(0);
    expect(acts()).toEqual(['dev-foundation: apply -auto-approve', 'dev-service: apply -auto-approve']);
    for (const { line, backend } of terraform.notes()) {
      const part = /^dev-(\w+):/.exec(line)?.[1];
      expect(backend).toEqual({
        s3: {
          bucket: 'bulkhead-dev-state',
          key: `dev/${part}.tfstate`,
          region: 'us-east-1',
          encrypt: true,
          use_lockfile: true,
        },
      });
    }
  });

  test('of one stack applies that alone, before there are images', async () => {
    tree.change('environments/images.dev.json', (text) => text.replaceAll('a'.repeat(64), '0'.repeat(64)));
    try {
      expect((await run('deploy', ['dev-foundation', yes])).exitCode).toBe(0);
      expect(acts()).toEqual(['dev-foundation: apply -auto-approve']);
      expect((await run('deploy', ['dev', yes])).all).toContain('no image has been pushed for ');
    } finally {
      tree.change('environments/images.dev.json', (text) => text.replaceAll('0'.repeat(64), 'a'.repeat(64)));
    }
  });

  test('of a stack that builds on another applies that alone, too', async () => {
    expect((await run('deploy', ['dev-service', yes])).exitCode).toBe(0);
    expect(acts()).toEqual(['dev-service: apply -auto-approve']);
  });

  test('whose foundation fails begins nothing after it, and says so in its last line', async () => {
    const { exitCode, all } = await run('deploy', ['dev', yes], { STAND_IN_FAILS: 'foundation: apply=1' });
    expect(exitCode).toBe(1);
    expect(acts()).toEqual(['dev-foundation: apply -auto-approve']);
    expect(all).toMatch(/dev-foundation +Error: as told/);
    expect(all?.trim().split('\n').at(-1)).toBe(
      'deploy of dev stopped; the lines above say which stack and why. What was done stays done, what comes after it ' +
        'was not begun. Mend it and run npm run deploy -- dev again.',
    );
  });

  test('that hangs and is interrupted lets terraform end by itself: it gives its lock back', async () => {
    const running = execa('npm', ['run', '--silent', 'deploy', '--', 'dev', yes], {
      cwd: tree.folder,
      reject: false,
      // As on a terminal: Ctrl-C reaches the whole group.
      detached: true,
      env: { ...terraform.env, STAND_IN_HANGS: 'foundation: apply' },
    });
    while (!terraform.lines().includes('dev-foundation: apply -auto-approve'))
      await new Promise((resolve) => setTimeout(resolve, 100));
    process.kill(-(running.pid as number), 'SIGINT');
    expect((await running).exitCode).not.toBe(0);
    expect(terraform.lines().slice(-2)).toEqual(['dev-foundation: apply -auto-approve', 'dev-foundation: interrupted']);
  });

  test.each([
    [['dev-cellar', yes], "'dev' has no stack 'cellar'; allowed: dev-foundation, dev-service"],
    [['staging', yes], "- aws.publicHost 'staging.bulkhead.example.com' belongs to nobody: set a host of yours"],
  ])('of %j is refused before terraform is asked for anything', async (args, said) => {
    const { exitCode, all } = await run('deploy', args);
    expect(exitCode).toBe(1);
    expect(all).toContain(said);
    expect(terraform.lines()).toEqual([]);
  });

  test('asks nothing of another environment: one that is broken stops nobody', async () => {
    tree.change('environments/staging.ts', (text) => text.replace("region: 'us-east-1'", "region: 'moon'"));
    try {
      expect((await run('deploy', ['dev', yes])).exitCode).toBe(0);
      expect(acts()).toHaveLength(2);
      // Nor does it keep the others from being written.
      const { exitCode, stdout, stderr } = await run('synth', []);
      expect(exitCode).toBe(1);
      expect(stdout).toMatch(/^prod in us-east-1: /m);
      expect(stdout).not.toMatch(/^staging in /m);
      expect(stderr).toContain("environment 'staging'");
    } finally {
      tree.change('environments/staging.ts', (text) => text.replace("region: 'moon'", "region: 'us-east-1'"));
    }
  });
});

describe('a rotation', () => {
  const versions = () => JSON.parse(readFileSync(join(tree.folder, 'environments/secrets.dev.json'), 'utf8'));
  const rotate = (secret: string, env = {}) => run('rotate', ['dev', secret, yes], env);

  test('writes the new value first, then restarts who reads it; one that broke off is gone on with', async () => {
    const broken = await rotate('AUTH_SECRET', { STAND_IN_FAILS: 'service: apply=1' });
    expect(broken.exitCode).toBe(1);
    expect(broken.all?.trim().split('\n').at(-1)).toBe(
      'Version 2 stays written down: npm run deploy -- dev goes on with it; do not rotate again.',
    );
    expect(broken.all).toContain('AUTH_SECRET of dev, version 2: everybody signs in again.');
    expect(acts()).toEqual(['dev-foundation: apply -auto-approve', 'dev-service: apply -auto-approve']);
    expect((await run('deploy', ['dev', yes])).exitCode).toBe(0);
    expect(versions()).toEqual({ AUTH_SECRET: 2 });
    const written = (part: string) =>
      readFileSync(join(tree.folder, `cdktf.out/stacks/dev-${part}/cdk.tf.json`), 'utf8');
    expect(written('foundation')).toContain('"secret_string_wo_version": 2');
    expect(written('service')).toContain('SECRETS_VERSION');
  });

  test.each([
    ['WORD', "argument value 'WORD' is invalid for argument 'secret'. Allowed choices are DATABASE_URL, "],
    ['PARSER_API_KEY', "'dev' has no secret PARSER_API_KEY: nothing to rotate"],
  ])('of %s is refused, and nothing is written', async (secret, said) => {
    const before = versions();
    const { exitCode, all } = await rotate(secret);
    expect(exitCode).toBe(1);
    expect(all).toContain(said);
    expect(versions()).toEqual(before);
    expect(terraform.lines()).toEqual([]);
  });
});

test('a diff plans one stack after the other and applies nothing; one that fails ends it', async () => {
  expect((await run('diff', ['dev'])).exitCode).toBe(0);
  expect(acts()).toEqual(['dev-foundation: plan -input=false -out plan', 'dev-service: plan -input=false -out plan']);
  const { exitCode, all } = await run('diff', ['dev'], { STAND_IN_FAILS: 'foundation: plan=1' });
  expect(exitCode).toBe(1);
  expect(acts()).toHaveLength(3);
  expect(all).toContain('diff of dev stopped; the lines above say which stack and why. Mend it');
});

test('a destroy takes the tiers away first; while they cannot go, the foundation stays', async () => {
  expect((await run('destroy', ['dev', yes])).exitCode).toBe(0);
  expect(acts()).toEqual(['dev-service: destroy -auto-approve', 'dev-foundation: destroy -auto-approve']);
  const { exitCode } = await run('destroy', ['dev', yes], { STAND_IN_FAILS: 'service: destroy=1' });
  expect(exitCode).toBe(1);
  expect(acts()).toHaveLength(3);
});
