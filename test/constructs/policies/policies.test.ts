import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group/index.js';
import { AwsProvider } from '@cdktf/provider-aws/lib/provider/index.js';
import { describe, expect, test } from '@jest/globals';
import { Aspects, TerraformLocal, TerraformStack, Testing } from 'cdktf';
import { type Attributes, type PolicyName, policies, rules } from '../../../constructs/policies/policies.ts';

/** Each policy with what it must refuse, the words it says, and what it must let pass. */
const examples: Record<
  PolicyName,
  {
    readonly refuses: readonly (readonly [type: string, attributes: Attributes, says: string])[];
    readonly passes: readonly (readonly [string, Attributes])[];
  }
> = {
  'no open ingress': {
    refuses: [
      [
        'aws_vpc_security_group_ingress_rule',
        { cidr_ipv4: '0.0.0.0/0', from_port: 5432 },
        "opens port 5432 to the whole internet; allowed for the public balancer's 80 and 443 only: name a security group",
      ],
      [
        'aws_vpc_security_group_ingress_rule',
        { cidr_ipv6: '::/0', from_port: 22, tags: { Exposure: 'public' } },
        'opens port 22 to the whole internet',
      ],
    ],
    passes: [
      ['aws_vpc_security_group_ingress_rule', { cidr_ipv4: '0.0.0.0/0', from_port: 443, tags: { Exposure: 'public' } }],
      ['aws_vpc_security_group_ingress_rule', { referenced_security_group_id: 'sg', from_port: 5432 }],
    ],
  },
  'no inline rules': {
    refuses: [['aws_security_group', { egress: [{}] }, 'has inline rules']],
    passes: [['aws_security_group', {}]],
  },
  'encrypted at rest': {
    refuses: [
      ['aws_db_instance', {}, 'is not encrypted; set storage_encrypted'],
      ['aws_db_instance', { storage_encrypted: false }, 'is not encrypted'],
      [
        'aws_launch_template',
        { block_device_mappings: [{ ebs: { encrypted: 'false' } }] },
        'is not encrypted; set block_device_mappings.ebs.encrypted',
      ],
      ['aws_launch_template', {}, 'is not encrypted'],
      ['aws_cloudwatch_log_group', { retention_in_days: 1 }, 'is not encrypted; set kms_key_id'],
    ],
    passes: [
      ['aws_db_instance', { storage_encrypted: true }],
      ['aws_launch_template', { block_device_mappings: [{ ebs: { encrypted: 'true' } }] }],
      ['aws_vpc', {}],
    ],
  },
  'logs end': {
    refuses: [['aws_cloudwatch_log_group', {}, 'keeps logs for ever; set retention_in_days']],
    passes: [['aws_cloudwatch_log_group', { retention_in_days: 30 }]],
  },
  'metadata needs a token': {
    refuses: [
      [
        'aws_launch_template',
        { metadata_options: { http_tokens: 'optional' } },
        'answers metadata requests without a token',
      ],
      ['aws_instance', {}, 'answers metadata requests without a token'],
      [
        'aws_launch_template',
        { metadata_options: { http_tokens: 'required', http_put_response_hop_limit: 2 } },
        "lets containers take the instance's role from its metadata",
      ],
      [
        'aws_instance',
        { metadata_options: { http_tokens: 'required' } },
        "lets containers take the instance's role from its metadata",
      ],
    ],
    passes: [
      ['aws_launch_template', { metadata_options: { http_tokens: 'required', http_put_response_hop_limit: 1 } }],
    ],
  },
  'not reachable from outside': {
    refuses: [
      ['aws_db_instance', { publicly_accessible: true }, 'is reachable from the internet'],
      ['aws_subnet', { map_public_ip_on_launch: true }, 'gives public addresses'],
      ['aws_ecs_service', { network_configuration: { assign_public_ip: true } }, 'gives tasks public addresses'],
    ],
    passes: [['aws_ecs_service', { network_configuration: { assign_public_ip: false } }]],
  },
  'tags say whose cost it is': {
    refuses: [
      [
        'aws_autoscaling_group',
        {
          tag: [
            { key: 'Environment', propagate_at_launch: true },
            { key: 'Tier', propagate_at_launch: false },
          ],
        },
        'does not hand the tags Environment and Tier to its instances',
      ],
      [
        'aws_launch_template',
        { tag_specifications: [{ resource_type: 'instance' }] },
        'does not tag its instances and volumes',
      ],
      ['aws_ecs_service', {}, 'has no tag Tier'],
    ],
    passes: [
      [
        'aws_autoscaling_group',
        {
          tag: [
            { key: 'Environment', propagate_at_launch: true },
            { key: 'Tier', propagate_at_launch: true },
          ],
        },
      ],
    ],
  },
  'no wide permissions': {
    refuses: [
      ['aws_iam_role_policy', policy(['s3:*'], ['arn:bucket']), "allows 's3:*'; name the actions"],
      ['aws_iam_role_policy', policy(['*'], ['arn:bucket']), "allows '*'; name the actions"],
      [
        'aws_iam_role_policy',
        policy(['s3:GetObject'], ['*']),
        "allows 's3:GetObject' on every resource; name the resources",
      ],
    ],
    passes: [
      ['aws_iam_role_policy', policy(['s3:GetObject'], ['arn:bucket/*'])],
      ['aws_iam_role_policy', policy(['ecr:GetAuthorizationToken'], ['*'])],
      ['aws_iam_role_policy', policy(['s3:GetObject'], ['*'], 'Deny')],
    ],
  },
  'restricted pods': {
    refuses: [
      [...pod({ host_network: true }), "shares its node's network or processes"],
      [...pod({ automount_service_account_token: true }), 'holds a token of the cluster'],
      [...pod({ volume: [{ host_path: { path: '/' } }] }), 'mounts a folder of its node'],
      [
        ...pod({}, { run_as_non_root: undefined }),
        "may run 'one' as root; set run_as_non_root on the container itself",
      ],
      [...pod({}, { privileged: true }), "lets 'one' gain privileges"],
      [...pod({}, { allow_privilege_escalation: undefined }), "lets 'one' gain privileges"],
      [...pod({}, { read_only_root_filesystem: false }), "lets 'one' write to its image"],
      [...pod({}, { capabilities: undefined }), "leaves 'one' capabilities"],
      [...pod({}, { capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } }), "leaves 'one' capabilities"],
      [...pod({}, { seccomp_profile: { type: 'Unconfined' } }), "lets 'one' make any system call"],
      [...pod({ init_container: [{ name: 'first' }] }), "may run 'first' as root"],
    ],
    passes: [pod(), ['kubernetes_service_v1', { spec: {} }]],
  },
  'fixed resources': {
    refuses: [
      [...pod({}, {}, { resources: undefined }), "gives 'one' no limit; set cpu and memory"],
      [...pod({}, {}, { resources: { limits: { cpu: '1' } } }), "gives 'one' no limit"],
      [
        ...pod(
          {},
          {},
          { resources: { requests: { cpu: '500m', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } } },
        ),
        "gives 'one' limits above its requests",
      ],
    ],
    passes: [pod()],
  },
  'pinned images': {
    refuses: [
      [...pod({}, {}, { image: 'registry:5000/one' }), "runs 'one' from whatever 'registry:5000/one' is that day"],
      [...pod({}, {}, { image: 'registry/one:latest' }), "runs 'one' from whatever 'registry/one:latest' is that day"],
    ],
    passes: [pod(), pod({}, {}, { image: 'registry:5000/one@sha256:1' })],
  },
  'no secret in plain text': {
    refuses: [
      ['kubernetes_secret_v1', { data: { KEY: 'word' } }, 'keeps a secret in the state; hand it on through data_wo'],
      ['local', { value: 'URL=postgres://user:word@host/db' }, 'holds a secret in plain text'],
      [
        'aws_ecs_task_definition',
        { container_definitions: '"rediss://:word@host:6379"' },
        'holds a secret in plain text',
      ],
      ['aws_ecs_task_definition', { container_definitions: '$' + '{ephemeral.x.y}' }, 'holds a secret in plain text'],
    ],
    passes: [['aws_ecs_task_definition', { container_definitions: '[{"secrets":[{"valueFrom":"arn:secret"}]}]' }]],
  },
};

/** A pod that is fine, with changes to it, to what its container may do, and to the container. */
function pod(
  changes: object = {},
  context: object = {},
  container: object = {},
): [type: string, attributes: Attributes] {
  const allowed = {
    ...{ run_as_non_root: true, allow_privilege_escalation: false, read_only_root_filesystem: true },
    capabilities: { drop: ['ALL'] },
    seccomp_profile: { type: 'RuntimeDefault' },
    ...context,
  };
  const resources = { cpu: '1', memory: '1Gi' };
  const one = {
    ...{ name: 'one', image: 'registry/one:1.2', security_context: allowed },
    resources: { requests: resources, limits: resources },
    ...container,
  };
  const spec = { automount_service_account_token: false, container: [one], ...changes };
  return ['kubernetes_deployment_v1', { metadata: { name: 'one' }, spec: { template: { spec } } }];
}

function policy(Action: string[], Resource: string[], Effect = 'Allow'): Attributes {
  return { policy: JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect, Action, Resource }] }) };
}

test('every policy has examples', () => {
  expect(Object.keys(examples)).toEqual(Object.keys(rules));
});

describe.each(Object.keys(rules) as PolicyName[])('%s', (name) => {
  test.each(examples[name].refuses)('refuses %s %j', (type, attributes, says) => {
    expect(rules[name](type, attributes)).toContain(says);
  });
  test.each(examples[name].passes)('lets %s %j pass', (type, attributes) => {
    expect(rules[name](type, attributes)).toBeUndefined();
  });
});

describe('as an aspect', () => {
  const stackWith = (add: (stack: TerraformStack) => void) => {
    const stack = new TerraformStack(Testing.app(), 'test');
    new AwsProvider(stack, 'aws', { region: 'us-east-1' });
    for (const aspect of Object.values(policies)) Aspects.of(stack).add(aspect);
    add(stack);
    return stack;
  };

  test('a fault fails the synth and names policy, path and type', () => {
    const stack = stackWith((at) => new CloudwatchLogGroup(at, 'logs', { name: 'x', kmsKeyId: 'arn:key' }));
    expect(() => Testing.fullSynth(stack)).toThrow(
      /\[logs end\] test\/logs \(aws_cloudwatch_log_group\) keeps logs for ever; set retention_in_days/,
    );
  });

  test('reaches boot scripts, which are locals', () => {
    const stack = stackWith((at) => new TerraformLocal(at, 'boot', 'export URL=rediss://:word@host'));
    expect(() => Testing.fullSynth(stack)).toThrow(/\[no secret in plain text\] test\/boot \(local\)/);
  });

  test('a stack without a fault is written', () => {
    const stack = stackWith(
      (at) => new CloudwatchLogGroup(at, 'logs', { name: 'x', kmsKeyId: 'arn:key', retentionInDays: 1 }),
    );
    expect(() => Testing.fullSynth(stack)).not.toThrow();
  });
});
