/** The commands as people type them: processes of their own. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { environments } from '../../../environments/index.ts';

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

test('a synth does not read what it has no use for', async () => {
  const told = `import { registerHooks } from 'node:module';
    const read = [];
    registerHooks({
      load: (url, context, nextLoad) => {
        read.push((context.conditions.includes('import') ? 'import ' : 'require ') + url);
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
  const of = (part: string) => read.filter((url) => url.includes(part));
  expect(of('/cdktf/lib/app.js')).toHaveLength(1);
  expect(of('/zip-stream/')).toEqual([]);
  // There is no cluster in it.
  expect(of('/@cdktf/provider-kubernetes/')).toEqual([]);
  expect(of('/semver/')).toEqual([]);
  expect(of('/get-intrinsic/')).toEqual([]);
  expect(of('/zod/v4/locales/').map((url) => url.split('/').at(-1))).toEqual(['en.js']);
  // Node would read an imported one twice.
  expect(of('/cdktf/lib/index.js')).toEqual([expect.stringMatching(/^require /)]);
  expect(of('/@cdktf/provider-aws/lib/lb/index.js')).toEqual([expect.stringMatching(/^require /)]);
});

describe('what cdktf reads only where it is needed', () => {
  const run = (...args: string[]) =>
    execa('node', ['--no-experimental-detect-module', ...args], { preferLocal: true, env: { CDKTF_OUTDIR: folder } });

  test('its zip library packs what a stack of somebody else has to pack', async () => {
    const packs = `const { App, AssetType, TerraformAsset, TerraformStack } = require('cdktf');
      const app = new App();
      const stack = new TerraformStack(app, 'packs');
      const { path } = new TerraformAsset(stack, 'asset', { path: 'client', type: AssetType.ARCHIVE });
      app.synth();
      console.log(require('node:fs').readFileSync(app.outdir + '/stacks/packs/' + path, 'latin1').slice(0, 2));`;
    expect((await run('--import', './stacks/quick-cdktf.ts', '--eval', packs)).stdout).toBe('PK');
  });

  test('semver compares the version that a moved resource asks for', async () => {
    const compares = `const { ValidateBinaryVersion } = require('cdktf/lib/validations/validate-binary-version.js');
      const faults = (range) => new ValidateBinaryVersion('node', range, 'node --version').validate();
      console.log([...faults('>=20'), ...faults('>=999.1')].join());`;
    expect((await run('--import', './stacks/quick-cdktf.ts', '--eval', compares)).stdout).toMatch(
      /^node version [\d.]+ is lower than the required version >=999\.1 for this construct\. $/,
    );
  });
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
