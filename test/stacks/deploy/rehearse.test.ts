import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { override, rehearse, steps } from '../../../stacks/rehearse.ts';

/**
 * A stand-in for terraform: notes what it is called with and what its folder says, and fails when told to.
 * The real run needs a network for the provider.
 */
const standIn = `#!/usr/bin/env node
const { appendFileSync, readFileSync, existsSync } = require('node:fs');
const line = process.cwd().split('/').at(-1) + ': ' + process.argv.slice(2).join(' ');
const state = JSON.parse(readFileSync('rehearse_override.tf.json', 'utf8')).terraform.backend.local.path;
const ephemeral = !/"prevent_destroy": true/.test(readFileSync('cdk.tf.json', 'utf8'));
appendFileSync(process.env.STAND_IN_LOG, JSON.stringify({ line, state, ephemeral, endpoint: process.env.AWS_ENDPOINT_URL, attempts: process.env.AWS_MAX_ATTEMPTS }) + '\\n');
const [pattern, code] = (process.env.STAND_IN_FAILS ?? '').split('=');
if (pattern && line.includes(pattern)) { console.log('Error: as told'); process.exit(Number(code)); }
`;

interface Note {
  readonly line: string;
  readonly state: string;
  readonly ephemeral: boolean;
  readonly endpoint: string;
  readonly attempts: string;
}

let folder: string;
let path: string | undefined;
const log = () => join(folder, 'log');
const notes = () =>
  readFileSync(log(), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Note);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bulkhead-stand-in-'));
  writeFileSync(join(folder, 'terraform'), standIn);
  chmodSync(join(folder, 'terraform'), 0o755);
  path = process.env.PATH;
  process.env.PATH = `${folder}${delimiter}${path}`;
  process.env.STAND_IN_LOG = log();
});
afterEach(() => {
  process.env.PATH = path;
  delete process.env.STAND_IN_LOG;
  delete process.env.STAND_IN_FAILS;
  rmSync(folder, { recursive: true });
});

const forward = [
  'staging-foundation: init -input=false -no-color',
  'staging-foundation: validate -no-color',
  'staging-foundation: apply -auto-approve -input=false -no-color',
  'staging-service: init -input=false -no-color',
  'staging-service: validate -no-color',
  'staging-service: apply -auto-approve -input=false -no-color',
  'staging-foundation: plan -detailed-exitcode -input=false -no-color',
  'staging-service: plan -detailed-exitcode -input=false -no-color',
];
const back = [
  'staging-service: destroy -auto-approve -input=false -no-color',
  'staging-foundation: destroy -auto-approve -input=false -no-color',
];
const lines = () => notes().map(({ line }) => line);
const silent = () => {};
const endpoint = 'http://127.0.0.1:5000';

describe('a rehearsal', () => {
  test('applies both stacks, plans them again, and destroys them the other way round', async () => {
    const said: string[] = [];
    await rehearse('staging', endpoint, (line) => said.push(line));
    expect(lines()).toEqual([...forward, ...back]);
    expect(said.at(-1)).toBe('staging: applied, planned again without a change, destroyed');
  });

  test('works on local state of its own, destroyable, and reaches the emulator', async () => {
    await rehearse('staging', endpoint, silent);
    for (const { state, ephemeral, endpoint: reached, attempts } of notes()) {
      expect(state).toMatch(/staging-(foundation|service)\.tfstate$/);
      expect([ephemeral, reached, attempts]).toEqual([true, endpoint, '3']);
    }
  });

  test('that fails half way destroys what was applied, and says what went wrong', async () => {
    process.env.STAND_IN_FAILS = 'service: apply=1';
    await expect(rehearse('staging', endpoint, silent)).rejects.toThrow(
      'staging-service: terraform apply failed\nError: as told',
    );
    expect(lines()).toEqual([...forward.slice(0, 6), ...back]);
  });

  test('that fails before anything was applied destroys nothing', async () => {
    process.env.STAND_IN_FAILS = 'foundation: validate=1';
    await expect(rehearse('staging', endpoint, silent)).rejects.toThrow(
      'staging-foundation: terraform validate failed',
    );
    expect(lines()).toEqual(forward.slice(0, 2));
  });

  test('whose second plan is not empty has failed', async () => {
    process.env.STAND_IN_FAILS = 'foundation: plan=2';
    await expect(rehearse('staging', endpoint, silent)).rejects.toThrow(
      'terraform plan is not empty: what was applied is not what is asked for',
    );
    expect(lines().slice(-2)).toEqual(back);
  });

  test('without an emulator is refused before anything is done', async () => {
    await expect(rehearse('staging', undefined, silent)).rejects.toThrow(
      'AWS_ENDPOINT_URL is not set, and a rehearsal must not reach a real account',
    );
  });
});

test('the override changes state, waits and provider, and nothing else', () => {
  const stack = {
    provider: { aws: [{ region: 'us-east-1' }] },
    resource: { aws_ecs_service: { a: {} }, aws_autoscaling_group: { b: {} }, aws_lb: { c: {} } },
    data: { terraform_remote_state: { other: { config: { key: 'dev/foundation.tfstate' } } } },
  };
  expect(override(stack, '/here', (key) => `/there/${key}`)).toEqual({
    terraform: { backend: { local: { path: '/here' } } },
    provider: {
      aws: [
        {
          region: 'us-east-1',
          s3_use_path_style: true,
          skip_credentials_validation: true,
          skip_metadata_api_check: 'true',
        },
      ],
    },
    resource: {
      aws_ecs_service: {
        a: { wait_for_steady_state: false, lifecycle: { ignore_changes: expect.arrayContaining(['desired_count']) } },
      },
      aws_autoscaling_group: {
        b: { wait_for_capacity_timeout: '0', lifecycle: { ignore_changes: ['default_instance_warmup'] } },
      },
    },
    data: {
      terraform_remote_state: {
        other: { backend: 'local', config: { path: '/there/dev/foundation.tfstate' } },
      },
    },
  });
  expect(override({ provider: { aws: [] } }, '/here', (key) => key)).not.toHaveProperty('resource');
  expect(steps('dev').back.map(({ stack: name }) => name)).toEqual(['dev-service', 'dev-foundation']);
});
