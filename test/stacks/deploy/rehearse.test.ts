import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { EnvironmentInput } from '../../../environments/environment.ts';
import { environments } from '../../../environments/index.ts';
import { override, rehearse, steps } from '../../../stacks/deploying/rehearse.ts';
import { sample } from '../../environments/sample.ts';
import { type StandIn, standIn } from '../../support/terraform/stand-in.ts';

let terraform: StandIn;
let before: NodeJS.ProcessEnv;
beforeEach(() => {
  terraform = standIn();
  before = { ...process.env };
  Object.assign(process.env, terraform.env);
});
afterEach(() => {
  process.env = before;
  terraform.close();
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
const lines = () => terraform.lines();
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
    for (const { backend, ephemeral, endpoint: reached, attempts } of terraform.notes()) {
      expect(backend?.local?.path).toMatch(/staging-(foundation|service)\.tfstate$/);
      expect([ephemeral, reached, attempts]).toEqual([true, endpoint, '3']);
    }
  });

  test('that fails half way destroys what was applied, and says what went wrong', async () => {
    process.env.STAND_IN_FAILS = 'service: apply=1';
    await expect(rehearse('staging', endpoint, silent)).rejects.toThrow(
      'staging: the rehearsal failed; the lines above say why: staging-service: terraform apply failed',
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

  test('whose step hangs gives that up, destroys, and says which', async () => {
    process.env.STAND_IN_HANGS = 'service: apply';
    await expect(rehearse('staging', endpoint, silent, 5000)).rejects.toThrow(
      'staging-service: terraform apply did not end within 5 s',
    );
    expect(lines().slice(-2)).toEqual(back);
  });

  test('that cannot destroy either says both', async () => {
    process.env.STAND_IN_FAILS = 'staging-service: =1';
    await expect(rehearse('staging', endpoint, silent)).rejects.toThrow(
      'staging-service: terraform init failed; staging-service: terraform destroy failed',
    );
    expect(lines().slice(-2)).toEqual(back);
  });

  test('without terraform says that there is none', async () => {
    process.env.PATH = '/nowhere';
    await expect(rehearse('staging', endpoint, silent)).rejects.toThrow(
      'the lines above say why: staging-foundation: Command failed with ENOENT: terraform init ',
    );
  });

  test('of an environment with a cluster of its own is refused before anything is done', async () => {
    const all = environments as Record<string, () => Promise<EnvironmentInput>>;
    all.own = async () => sample({ name: 'own', kubernetes: { cluster: 'make', apiCidrs: [] } });
    try {
      await expect(rehearse('own', endpoint, silent)).rejects.toThrow(
        "'own' has kubernetes.cluster 'make', and a rehearsal applies own-foundation and own-service alone: the service " +
          'would read the state of a cluster that is never made; allowed: no kubernetes block, or the name of a cluster ' +
          'that is there. Make a copy with npm run clone -- own <copy>, change that, and rehearse it',
      );
    } finally {
      delete all.own;
    }
    expect(lines()).toEqual([]);
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
