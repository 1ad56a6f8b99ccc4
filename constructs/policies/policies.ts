/**
 * What no stack may contain, whoever writes it. Each policy looks at one resource as it will be written and answers with
 * a fault or nothing; as an aspect it turns the fault into an error that fails synth.
 */
import { Annotations, type IAspect, TerraformLocal, TerraformResource } from 'cdktf';
import type { IConstruct } from 'constructs';
import { podRules } from './pod-rules.ts';
import type { Attributes, Rule } from './rule.ts';

export type { Attributes, Rule } from './rule.ts';

export const rules = {
  'no open ingress': (type, { cidr_ipv4, cidr_ipv6, tags, from_port }) => {
    if (type !== 'aws_vpc_security_group_ingress_rule') return;
    const open = cidr_ipv4 === '0.0.0.0/0' || cidr_ipv6 === '::/0';
    const publicIngress =
      (tags as Attributes | undefined)?.Exposure === 'public' && [80, 443].includes(from_port as number);
    if (open && !publicIngress)
      return `opens port ${from_port} to the whole internet; allowed for the public balancer's 80 and 443 only: name a security group`;
  },
  'no inline rules': (type, { ingress, egress }) => {
    if (type === 'aws_security_group' && (ingress || egress))
      return 'has inline rules, which fight with rule resources; allowed: aws_vpc_security_group_*_rule';
  },
  'encrypted at rest': (type, attributes) => {
    const name = encryption[type];
    if (!name) return;
    const value = name.split('.').reduce<unknown>((at, key) => {
      const one = Array.isArray(at) ? at[0] : at;
      return (one as Attributes | undefined)?.[key];
    }, attributes);
    if (!value || value === 'false') return `is not encrypted; set ${name}`;
  },
  'logs end': (type, { retention_in_days }) => {
    if (type === 'aws_cloudwatch_log_group' && !retention_in_days) return 'keeps logs for ever; set retention_in_days';
  },
  'metadata needs a token': (type, { metadata_options }) => {
    if (type !== 'aws_launch_template' && type !== 'aws_instance') return;
    const options = (Array.isArray(metadata_options) ? metadata_options[0] : metadata_options) as
      | Attributes
      | undefined;
    if (options?.http_tokens !== 'required')
      return "answers metadata requests without a token (IMDSv1); set metadata_options.http_tokens to 'required'";
    // A container's network is one hop further.
    if (options.http_put_response_hop_limit !== 1)
      return "lets containers take the instance's role from its metadata; set metadata_options.http_put_response_hop_limit to 1";
  },
  'not reachable from outside': (_type, attributes) => {
    const { publicly_accessible, map_public_ip_on_launch, assign_public_ip } = attributes;
    if (publicly_accessible === true) return 'is reachable from the internet; set publicly_accessible to false';
    if (map_public_ip_on_launch === true) return 'gives public addresses; set map_public_ip_on_launch to false';
    const network = attributes.network_configuration as Attributes | undefined;
    if (assign_public_ip === true || network?.assign_public_ip === true)
      return 'gives tasks public addresses; set assign_public_ip to false';
  },
  'tags say whose cost it is': (type, { tag, tags, tag_specifications }) => {
    // Default tags of the provider reach neither instances of a group nor their volumes.
    if (type === 'aws_autoscaling_group') {
      const keys = (tag as Attributes[] | undefined)?.filter((one) => one.propagate_at_launch).map(({ key }) => key);
      if (!keys?.includes('Environment') || !keys.includes('Tier'))
        return 'does not hand the tags Environment and Tier to its instances; add tag blocks with propagate_at_launch';
    }
    if (type === 'aws_launch_template') {
      const kinds = (tag_specifications as Attributes[] | undefined)?.map(({ resource_type }) => resource_type) ?? [];
      if (!kinds.includes('instance') || !kinds.includes('volume'))
        return 'does not tag its instances and volumes; add tag_specifications for both';
    }
    if (type === 'aws_ecs_service' && !(tags as Attributes | undefined)?.Tier) return 'has no tag Tier';
  },
  'no wide permissions': (type, { policy }) => {
    if (type !== 'aws_iam_role_policy' || typeof policy !== 'string') return;
    const { Statement } = JSON.parse(policy) as {
      Statement: { Effect: string; Action: string[]; Resource: string[] }[];
    };
    for (const { Action, Resource } of Statement.filter(({ Effect }) => Effect !== 'Deny')) {
      const wide = Action.find((action) => action === '*' || action.endsWith(':*'));
      if (wide) return `allows '${wide}'; name the actions`;
      const unbound = Resource.includes('*') && Action.find((action) => !withoutResource.includes(action));
      if (unbound) return `allows '${unbound}' on every resource; name the resources`;
    }
  },
  ...podRules,
  'no secret in plain text': (type, attributes) => {
    if (type === 'kubernetes_secret_v1' && (attributes.data || attributes.binary_data))
      return 'keeps a secret in the state; hand it on through data_wo';
    // Boot scripts are locals; a task's settings lie in its container definitions.
    const text = type === 'local' ? attributes.value : attributes.container_definitions;
    if (typeof text !== 'string') return;
    if (/(?:postgres|rediss?):\/\/[^\s"]*:[^\s"]+@/.test(text) || /\$\{ephemeral\./.test(text))
      return 'holds a secret in plain text; hand it on by reference (secrets, valueFrom)';
  },
} satisfies Record<string, Rule>;

export type PolicyName = keyof typeof rules;

/** The rules as aspects, for `Aspects.of(stack).add()`. */
export const policies: Readonly<Record<PolicyName, IAspect>> = Object.fromEntries(
  Object.entries(rules).map(([name, rule]) => [name, { visit: (node) => check(node, name, rule) } satisfies IAspect]),
) as Record<PolicyName, IAspect>;

/** Where each type says that it is encrypted. */
const encryption: Readonly<Record<string, string>> = {
  aws_db_instance: 'storage_encrypted',
  aws_elasticache_replication_group: 'transit_encryption_enabled',
  aws_sns_topic: 'kms_master_key_id',
  aws_secretsmanager_secret: 'kms_key_id',
  aws_cloudwatch_log_group: 'kms_key_id',
  aws_ecr_repository: 'encryption_configuration.kms_key',
  aws_launch_template: 'block_device_mappings.ebs.encrypted',
  aws_instance: 'root_block_device.encrypted',
};

/** Actions that AWS offers on all resources only. */
const withoutResource: readonly string[] = [
  'ecr:GetAuthorizationToken',
  'secretsmanager:GetRandomPassword',
  'autoscaling:DescribeAutoScalingInstances',
  'cloudwatch:PutMetricData',
  'ec2:DescribeVpcs',
  'ec2:DescribeSecurityGroups',
  'ec2:DescribeInstances',
  'elasticloadbalancing:DescribeTargetGroups',
  'elasticloadbalancing:DescribeTargetHealth',
  'ssm:UpdateInstanceInformation',
  'ssmmessages:CreateControlChannel',
  'ssmmessages:CreateDataChannel',
  'ssmmessages:OpenControlChannel',
  'ssmmessages:OpenDataChannel',
  'ec2messages:AcknowledgeMessage',
  'ec2messages:DeleteMessage',
  'ec2messages:FailMessage',
  'ec2messages:GetEndpoint',
  'ec2messages:GetMessages',
  'ec2messages:SendReply',
];

function check(node: IConstruct, name: string, rule: Rule): void {
  const found = written(node);
  const fault = found && rule(found.type, found.attributes);
  if (found && fault) Annotations.of(node).addError(`[${name}] ${node.node.path} (${found.type}) ${fault}`);
}

interface Written {
  readonly type: string;
  readonly attributes: Attributes;
}

/** Rendering is most of a synth's time, so each resource is rendered once for all rules. */
const rendered = new WeakMap<IConstruct, Written>();

function written(node: IConstruct): Written | undefined {
  const known = rendered.get(node);
  if (known) return known;
  const found = render(node);
  if (found) rendered.set(node, found);
  return found;
}

function render(node: IConstruct): Written | undefined {
  if (node instanceof TerraformLocal) {
    // Its `expression` is a reference to itself; what it says is in what it writes.
    const { locals } = node.toTerraform() as { locals: Attributes };
    return { type: 'local', attributes: { value: Object.values(locals)[0] } };
  }
  if (!TerraformResource.isTerraformResource(node)) return undefined;
  const type = node.terraformResourceType;
  const { resource } = node.toTerraform() as { resource?: Record<string, Record<string, Attributes>> };
  const attributes = Object.values(resource?.[type] ?? {})[0];
  return attributes && { type, attributes };
}
