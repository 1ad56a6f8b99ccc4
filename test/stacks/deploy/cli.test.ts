/** The commands as people type them: processes of their own. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { environments } from '../../../environments/index.ts';
import { projectFolder } from '../../../stacks/images/run.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bulkhead-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const synth = (...args: string[]) =>
  execa('node', ['--no-experimental-detect-module', 'stacks/main.ts', ...args], {
    preferLocal: true,
    reject: false,
    env: { CDKTF_OUTDIR: folder },
  });
const stacks = () => readdirSync(join(folder, 'stacks')).toSorted();

describe('npm run synth', () => {
  test('writes the stacks of the environment named, and prints what it costs', async () => {
    const { exitCode, stdout, stderr } = await synth('dev');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^dev in us-east-1: \$/);
    // Old prices of other regions are in no figure of it.
    expect(stderr).not.toMatch(/prices of (?!us-east-1)/);
    expect(stacks()).toEqual(['dev-foundation', 'dev-service']);
  });

  test('says what is wrong without a stack trace', async () => {
    const { exitCode, stderr } = await synth('mars');
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^no environment 'mars'; allowed: bench, dev, staging, prod/);
    expect(stderr).not.toContain('    at ');
  });
});

test('a synth reads one file and its environment', async () => {
  await synth('dev');
  const told = `import { registerHooks } from 'node:module';
    const read = [];
    registerHooks({
      load: (url, context, nextLoad) => {
        read.push(url);
        return nextLoad(url, context);
      },
    });
    process.on('exit', () => console.log(JSON.stringify(read)));`;
  const probe = `data:text/javascript,${encodeURIComponent(told)}`;
  const { stdout } = await execa(
    'node',
    ['--no-experimental-detect-module', '--import', probe, 'stacks/main.ts', 'dev'],
    { preferLocal: true, env: { CDKTF_OUTDIR: folder } },
  );
  const read: string[] = JSON.parse(stdout.split('\n').at(-1) ?? '');
  const files = read.filter((url) => url.startsWith('file:'));
  const project = pathToFileURL(projectFolder).href;
  expect(files.map((url) => url.replace(project, ''))).toEqual([
    'stacks/main.ts',
    'stacks/bundled.ts',
    'stacks/dist/synth.mjs',
    'environments/dev.ts',
  ]);
});

test('npx cdktf synth works by itself, for every environment', async () => {
  const { exitCode } = await execa('cdktf', ['synth', '--output', folder], {
    preferLocal: true,
    reject: false,
    env: { CHECKPOINT_DISABLE: '1', CI: '1' },
  });
  expect(exitCode).toBe(0);
  expect(stacks()).toEqual(
    Object.keys(environments)
      .flatMap((name) => [`${name}-foundation`, `${name}-service`])
      .toSorted(),
  );
});

test.each([
  ['deploying/bootstrap.ts', [], "error: missing required argument 'environment'"],
  ['deploying/rehearse.ts', [], "error: missing required argument 'environment'"],
  ['deploying/deploy.ts', ['diff'], "error: missing required argument 'environment'"],
  [
    'deploying/deploy.ts',
    ['fly', 'dev'],
    "error: command-argument value 'fly' is invalid for argument 'action'. Allowed choices are diff, deploy, destroy.",
  ],
  // An option of cdktf's is no fault of ours; an environment that is not finished is.
  ['deploying/deploy.ts', ['deploy', 'dev', '--auto-approve'], "'dev' cannot be deployed yet:"],
])('%s %j says what is wrong', async (program, args, said) => {
  const { exitCode, stderr } = await execa('node', ['--no-experimental-detect-module', `stacks/${program}`, ...args], {
    preferLocal: true,
    reject: false,
  });
  expect(exitCode).toBe(1);
  expect(stderr.split('\n')[0]).toBe(said);
});
