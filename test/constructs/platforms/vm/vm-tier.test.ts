import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { liveScript } from '../../../../constructs/platforms/vm/boot.ts';
import { credentialsScript } from '../../../../constructs/platforms/vm/run-credentials.ts';
import { containerFlags } from '../../../../environments/budget/container-flags.ts';
import { serviceNames } from '../../../../services/manifest.ts';
import { addressBook, ofType, one, type StackJson } from '../../../stacks/synthesized.ts';
import { context, placement, type TierChanges, tierJson } from '../harness.ts';
import { conformance } from '../tier-conformance.ts';

const boot = (stack: StackJson) => Object.values(stack.locals ?? {})[0] as string;
const line = (stack: StackJson, start: string) =>
  boot(stack)
    .split('\n')
    .find((text) => text.startsWith(start)) ?? '';
const flag = (stack: StackJson, name: string) =>
  line(stack, 'ExecStart=/usr/bin/docker').match(new RegExp(`${name}=(\\S+)`))?.[1] ?? '';

/** Settings that the boot script writes to the env files that a command names, secrets only. */
const inFile = (stack: StackJson, command: string): string[] =>
  [...command.matchAll(/--env-file=(\/run\/\S+)/g)].flatMap(([, file]) =>
    [...boot(stack).matchAll(new RegExp(`^echo "(\\w+)=\\$value" >> ${file}$`, 'gm'))].map(([, name]) => String(name)),
  );

const dockerfile = readFileSync(join(import.meta.dirname, '../../../../stacks/images/dockerfiles/Dockerfile'), 'utf8');

conformance({
  platform: 'vm',
  compute: ['aws_autoscaling_group'],
  limits: (stack) => ({ vcpu: Number(flag(stack, '--cpus')), memoryMiB: Number.parseInt(flag(stack, '--memory'), 10) }),
  image: (stack) => line(stack, 'ExecStart=/usr/bin/docker').split(' ').at(-1) ?? '',
  replicas: (stack) => {
    const { min_size, max_size } = one(stack, 'aws_autoscaling_group');
    return { min: Number(min_size), max: Number(max_size) };
  },
  logGroup: (stack) => flag(stack, 'awslogs-group'),
  init: (stack) => {
    const found = line(stack, 'ExecStartPre=/usr/bin/docker run').match(/--entrypoint=(\S+) \S+ (.*)$/);
    return found ? `${found[1]} ${found[2]}` : undefined;
  },
  replacedFor: (stack) => {
    const { health_check_type, health_check_grace_period } = one(stack, 'aws_autoscaling_group');
    // EC2: the machine's own checks. The instance itself starts a service anew that Docker calls unhealthy.
    expect({ health_check_type, health_check_grace_period }).toEqual({
      health_check_type: 'EC2',
      health_check_grace_period: 60,
    });
    expect(boot(stack)).toContain(liveScript);
    expect(boot(stack)).toMatch(/^systemctl start --no-block .*bulkhead bulkhead-live$/m);
    const [, command] = /^HEALTHCHECK .* CMD (\[.*\])$/m.exec(dockerfile) ?? [];
    return [(JSON.parse(command ?? '[]') as string[]).join(' ')];
  },
  secrets: (stack) => inFile(stack, line(stack, 'ExecStart=/usr/bin/docker')),
  initSecrets: (stack) => inFile(stack, line(stack, 'ExecStartPre=/usr/bin/docker run')),
  memoryFull: { metric: 'mem_used_percent', at: () => 90 },
  stopSeconds: (stack) => Number(flag(stack, '--stop-timeout')),
});

const vm = (
  service: Parameters<typeof tierJson>[0],
  changes: Parameters<typeof placement>[0] = {},
  others: TierChanges = {},
) => tierJson(service, { placements: [placement({ platform: 'vm', ...changes })], ...others });

describe('the launch template', () => {
  test('is the cheapest instance of the architecture that guarantees the budget', () => {
    const type = (changes: Parameters<typeof placement>[0], architecture: 'arm64' | 'x86_64' = 'arm64') =>
      one(vm('vectorstore', changes, { context: { ...context, architecture } }), 'aws_launch_template').instance_type;
    expect(type({ vcpu: 0.4, memoryMiB: 1536 })).toBe('t4g.small');
    expect(type({ vcpu: 1, memoryMiB: 3072 })).toBe('m7g.medium');
    expect(type({ vcpu: 0.4, memoryMiB: 1536 }, 'x86_64')).toBe('t3.small');
  });

  test('needs a token for metadata, encrypts its disk, names its owner, buys no extra CPU', () => {
    expect(one(vm('chat', { vcpu: 0.4 }), 'aws_launch_template')).toMatchObject({
      image_id: 'ami-0123456789abcdef0',
      metadata_options: { http_tokens: 'required', http_endpoint: 'enabled' },
      credit_specification: { cpu_credits: 'standard' },
      block_device_mappings: [{ ebs: { encrypted: 'true', volume_type: 'gp3', volume_size: 20 } }],
      tag_specifications: [
        { resource_type: 'instance', tags: { Environment: 'test', Tier: 'chat' } },
        { resource_type: 'volume', tags: { Environment: 'test', Tier: 'chat' } },
      ],
    });
    expect(one(vm('chat', { vcpu: 1, memoryMiB: 3072 }), 'aws_launch_template').credit_specification).toBeUndefined();
  });

  test.each(serviceNames)('keeps metadata, and so the role of the instance, from the container of %s', (service) => {
    expect(one(vm(service), 'aws_launch_template').metadata_options).toMatchObject({ http_put_response_hop_limit: 1 });
  });

  test('is refused without an image for the machine', () => {
    expect(() => vm('chat', {}, { context: { ...context, ami: undefined } })).toThrow(
      "tier 'chat' is on 'vm' without an AMI: set aws.ami",
    );
  });

  test('is refused where no instance carries the budget', () => {
    expect(() => vm('vectorstore', { vcpu: 64, memoryMiB: 1024 })).toThrow(
      /^no instance in us-east-1 carries vcpu 64, memoryMiB 1024; the largest, r7g\.4xlarge, leaves a tier/,
    );
  });
});

/** Statements of each role by the end of its name, and who may take it. */
const roles = (stack: StackJson) =>
  Object.fromEntries(
    Object.entries(ofType(stack, 'aws_iam_role')).map(([id, { name, assume_role_policy }]) => {
      const policy = Object.values(ofType(stack, 'aws_iam_role_policy')).find(({ role }) =>
        String(role).includes(`aws_iam_role.${id}.`),
      );
      const statements = (text: unknown) => (JSON.parse(String(text)) as { Statement: Statement[] }).Statement;
      const [trust] = statements(assume_role_policy);
      return [String(name), { assumedBy: trust?.Principal, statements: policy ? statements(policy.policy) : [] }];
    }),
  );
interface Statement {
  Action: string[];
  Resource: string[];
  Principal?: Record<string, string>;
}

describe.each(['api', 'document-worker', 'vectorstore'] as const)('the run role of %s', (service) => {
  const own = `bulkhead-test-${service}-vm`;
  const { [own]: instance, [`${own}-run`]: run, ...others } = roles(vm(service));

  test('holds the documents and their key, and nothing else: no secret of the instance', () => {
    expect(others).toEqual({});
    expect(run?.statements.map(({ Action, Resource }) => [Action, Resource])).toEqual([
      [['s3:ListBucket', 's3:ListBucketVersions'], ['arn:documents']],
      [
        ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:DeleteObjectVersion', 's3:AbortMultipartUpload'],
        ['arn:documents/*'],
      ],
      [['kms:Decrypt', 'kms:GenerateDataKey'], ['arn:key']],
    ]);
  });

  test('is taken by the instance alone, which itself reaches no document', () => {
    expect(run?.assumedBy).toEqual({ AWS: expect.stringMatching(/^\$\{aws_iam_role\.\S+_vm_role_\w+\.arn\}$/) });
    expect(instance?.assumedBy).toEqual({ Service: 'ec2.amazonaws.com' });
    expect(instance?.statements.flatMap(({ Action }) => Action).filter((action) => /^s3:/.test(action))).toEqual([]);
    expect(instance?.statements.find(({ Action }) => Action.includes('sts:AssumeRole'))).toMatchObject({
      Action: ['sts:AssumeRole'],
      Resource: [`arn:aws:iam::111122223333:role/${own}-run`],
    });
  });

  test('is what the container of the service gets, and its init step does not', () => {
    const stack = vm(service);
    const setting = ' --env=AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/credentials ';
    expect(line(stack, 'ExecStart=/usr/bin/docker')).toContain(setting);
    expect(line(stack, 'ExecStartPre=/usr/bin/docker run')).not.toContain(setting);
    expect(boot(stack)).toContain(`bulkhead-credentials arn:aws:iam::111122223333:role/${own}-run us-east-1`);
    expect(boot(stack)).toContain(credentialsScript);
    expect(line(stack, 'After=docker.service network-online.target')).toMatch(/ bulkhead-credentials\.service$/);
  });
});

test.each(['chat', 'web'] as const)('%s uses no document: no run role, no credentials', (service) => {
  const stack = vm(service);
  expect(Object.keys(roles(stack))).toEqual([`bulkhead-test-${service}-vm`]);
  expect(addressBook(stack).filter((address) => address.includes('run-role'))).toEqual([]);
  expect(boot(stack)).not.toMatch(/bulkhead-(credentials|network)|AWS_CONTAINER/);
});

describe('the group', () => {
  test('is a new one for each version of the template, made before the old one goes', () => {
    const { name, launch_template, lifecycle, ...group } = one(vm('chat'), 'aws_autoscaling_group');
    expect(String(name)).toMatch(
      /^bulkhead-test-chat-vm-\$\{aws_launch_template\.chat_vm_template_\w+\.latest_version\}$/,
    );
    expect(launch_template).toMatchObject({ version: expect.stringMatching(/\.latest_version\}$/) });
    expect(lifecycle).toEqual({ create_before_destroy: true });
    expect(group.instance_refresh).toBeUndefined();
  });

  test('counts an instance only when its service is ready, and gives up one that is not', () => {
    const stack = vm('chat', { replicas: { min: 2, max: 2 } });
    const group = one(stack, 'aws_autoscaling_group');
    expect(group).toMatchObject({
      initial_lifecycle_hook: [
        {
          lifecycle_transition: 'autoscaling:EC2_INSTANCE_LAUNCHING',
          default_result: 'ABANDON',
          heartbeat_timeout: 660,
        },
      ],
      min_elb_capacity: 2,
      target_group_arns: [expect.any(String)],
      wait_for_capacity_timeout: '15m',
    });
    expect(boot(stack)).toContain('http://127.0.0.1:8003/readyz && ready=1');
    expect(boot(stack)).toContain('complete-lifecycle-action --region us-east-1 --lifecycle-hook-name ready');
  });

  test('of a worker is checked by EC2 alone: no balancer asks it', () => {
    const group = one(vm('document-worker'), 'aws_autoscaling_group');
    expect(group.target_group_arns).toBeUndefined();
    expect(group.min_elb_capacity).toBeUndefined();
    expect(group.depends_on).toBeUndefined();
  });
});

describe('the boot script', () => {
  test('runs the service with exactly the flags that the container tests use', () => {
    const flags = containerFlags({ vcpu: 0.5, memoryMiB: 1024, tmpMiB: 64, stopTimeoutMs: 120_000 }).join(' ');
    expect(line(vm('chat'), 'ExecStart=/usr/bin/docker')).toContain(` ${flags} `);
    expect(line(vm('api'), 'ExecStartPre=/usr/bin/docker run')).toContain(` ${flags} `);
  });

  test('takes secrets by reference into memory', () => {
    expect(boot(vm('chat'))).toContain(
      "value=$(aws secretsmanager get-secret-value --region us-east-1 --secret-id 'arn:database'",
    );
    expect(boot(vm('chat'))).toContain('--env-file=/run/bulkhead/secrets.env');
  });

  test('holds no expansion that Terraform would take for its own', () => {
    const foreign = boot(vm('api')).match(/\$\{(?!aws_cloudwatch_log_group)/g);
    expect(foreign).toBeNull();
    expect(boot(vm('api'))).not.toContain('%{');
  });

  test('too long for EC2 is refused', () => {
    expect(() => vm('chat', {}, { settings: () => ({ MODEL_URL: `http://${'x'.repeat(12_000)}` }) })).toThrow(
      /^the boot script of 'chat' has \d+ bytes; allowed are 12288, so that it stays under EC2's 16384/,
    );
  });
});

test('the watch over a service restarts it when Docker calls it unhealthy, and only then', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-live-'));
  const stub = (name: string, text: string) => {
    writeFileSync(join(folder, name), `#!/bin/bash\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  };
  // One look per state; no container, and the end of the list, are looks too.
  const states = ['starting', 'healthy', '', 'unhealthy', 'healthy', 'unhealthy'];
  try {
    writeFileSync(join(folder, 'states'), `${states.join('\n')}\n`);
    stub('docker', `head -n 1 ${folder}/states | grep . && exit 0; exit 1`);
    stub(
      'sleep',
      `[ -e ${folder}/begun ] && sed -i 1d ${folder}/states; touch ${folder}/begun; [ -s ${folder}/states ]`,
    );
    stub('systemctl', `echo "$@" >> ${folder}/asked`);
    await execa('/bin/bash', ['-c', liveScript], { env: { PATH: `${folder}:/usr/bin:/bin` }, timeout: 30_000 });
    expect(readFileSync(join(folder, 'asked'), 'utf8')).toBe('restart bulkhead\nrestart bulkhead\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('packages that could not be installed at first are installed at last', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-boot-'));
  try {
    writeFileSync(
      join(folder, 'dnf'),
      `#!/bin/bash\necho "$2" >> ${folder}/asked\n[ $(wc -l < ${folder}/asked) = 2 ]\n`,
    );
    writeFileSync(join(folder, 'sleep'), '#!/bin/bash\n');
    for (const name of ['dnf', 'sleep']) chmodSync(join(folder, name), 0o755);
    const [install] = boot(vm('chat')).split('\nmkdir ');
    await execa('/bin/bash', ['-c', install as string], { env: { PATH: `${folder}:/usr/bin:/bin` }, timeout: 30_000 });
    expect(readFileSync(join(folder, 'asked'), 'utf8')).toBe('-y\n-y\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
