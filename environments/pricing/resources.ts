/**
 * Every Terraform type that the stacks may synthesize is either priced or free for a stated reason. A test over the
 * synthesized JSON holds the stacks to it, so that a new resource cannot enter without its cost being thought of.
 */

/** Terraform type -> beginnings of the price items that bill it, or 'usage' where only the use of it is billed. */
export const pricedResources: Readonly<Record<string, readonly string[] | 'usage'>> = {
  aws_autoscaling_group: ['ec2/', 'ebs/gp3'],
  aws_instance: ['ec2/', 'ebs/gp3'],
  aws_ebs_volume: ['ebs/gp3'],
  aws_ecs_service: ['fargate/'],
  aws_eks_cluster: ['eks/hour'],
  aws_eks_node_group: ['ec2/', 'ebs/gp3'],
  aws_nat_gateway: ['nat/'],
  aws_eip: ['ipv4/hour'],
  aws_lb: ['alb/', 'nlb/', 'ipv4/hour'],
  aws_vpc_endpoint: ['endpoint/'],
  aws_db_instance: ['rds/'],
  aws_elasticache_replication_group: ['elasticache/'],
  aws_elasticache_cluster: ['elasticache/'],
  aws_efs_file_system: ['efs/standard'],
  aws_s3_bucket: ['s3/'],
  aws_ecr_repository: ['ecr/storage'],
  aws_secretsmanager_secret: ['secrets/secret'],
  aws_kms_key: ['kms/key'],
  aws_cloudwatch_log_group: ['logs/'],
  aws_cloudwatch_metric_alarm: ['cloudwatch/alarm'],
  aws_cloudwatch_composite_alarm: ['cloudwatch/alarm'],
  aws_cloudwatch_dashboard: ['cloudwatch/dashboard'],
  aws_cloudwatch_log_metric_filter: ['cloudwatch/metric'],
  aws_route53_zone: ['route53/zone'],
  aws_wafv2_web_acl: ['waf/'],
  aws_backup_vault: ['rds/backup'],
  aws_flow_log: ['logs/vended-s3'],
  aws_sns_topic: 'usage',
  aws_sqs_queue: 'usage',
  aws_backup_plan: 'usage',
  aws_lambda_function: 'usage',
};

const noCharge = {
  network: 'networking and routing carry no charge of their own; traffic is billed with the network',
  rules: 'a rule or an attachment of a resource that is billed itself',
  access: 'IAM carries no charge',
  template: 'a description; what runs from it is billed with its service or group',
  scaling: 'scaling carries no charge; the replicas and alarms it makes are billed themselves',
  settings: 'a setting of a resource that is billed itself',
  content: 'billed with the resource that holds it',
  cluster: 'an object of a cluster whose nodes are billed',
  state: 'lives in the Terraform state only',
} as const;

/** Terraform type -> why it costs nothing by itself. */
export const freeResources: Readonly<Record<string, string>> = {
  ...all(noCharge.network, [
    'aws_vpc',
    'aws_subnet',
    'aws_route_table',
    'aws_route',
    'aws_route_table_association',
    'aws_main_route_table_association',
    'aws_internet_gateway',
    'aws_egress_only_internet_gateway',
    'aws_network_acl',
    'aws_default_network_acl',
    'aws_default_security_group',
    'aws_default_route_table',
    'aws_network_interface',
    'aws_security_group',
    'aws_vpc_security_group_ingress_rule',
    'aws_vpc_security_group_egress_rule',
    'aws_service_discovery_private_dns_namespace',
    'aws_service_discovery_service',
  ]),
  ...all(noCharge.rules, [
    'aws_lb_listener',
    'aws_lb_listener_rule',
    'aws_lb_listener_certificate',
    'aws_lb_target_group',
    'aws_lb_target_group_attachment',
    'aws_eip_association',
    'aws_volume_attachment',
    'aws_network_interface_attachment',
    'aws_autoscaling_attachment',
    'aws_wafv2_web_acl_association',
    'aws_wafv2_web_acl_logging_configuration',
    'aws_route53_record',
    'aws_vpc_endpoint_route_table_association',
    'aws_vpc_endpoint_subnet_association',
    'aws_vpc_endpoint_security_group_association',
    'aws_sns_topic_subscription',
    'aws_sns_topic_policy',
    'aws_cloudwatch_event_rule',
    'aws_cloudwatch_event_target',
    'aws_backup_selection',
  ]),
  ...all(noCharge.access, [
    'aws_iam_role',
    'aws_iam_policy',
    'aws_iam_role_policy',
    'aws_iam_role_policy_attachment',
    'aws_iam_instance_profile',
    'aws_iam_service_linked_role',
    'aws_iam_openid_connect_provider',
    'aws_eks_access_entry',
    'aws_eks_access_policy_association',
    'aws_eks_pod_identity_association',
  ]),
  ...all(noCharge.template, ['aws_launch_template', 'aws_ecs_task_definition']),
  ...all(noCharge.scaling, [
    'aws_appautoscaling_target',
    'aws_appautoscaling_policy',
    'aws_appautoscaling_scheduled_action',
    'aws_autoscaling_policy',
    'aws_autoscaling_lifecycle_hook',
    'aws_autoscaling_notification',
  ]),
  ...all(noCharge.settings, [
    'aws_s3_bucket_public_access_block',
    'aws_s3_bucket_versioning',
    'aws_s3_bucket_server_side_encryption_configuration',
    'aws_s3_bucket_lifecycle_configuration',
    'aws_s3_bucket_policy',
    'aws_s3_bucket_ownership_controls',
    'aws_s3_bucket_cors_configuration',
    'aws_s3_bucket_logging',
    'aws_s3_bucket_notification',
    'aws_ecr_lifecycle_policy',
    'aws_ecr_repository_policy',
    'aws_kms_alias',
    'aws_kms_key_policy',
    'aws_kms_grant',
    'aws_secretsmanager_secret_policy',
    'aws_db_subnet_group',
    'aws_db_parameter_group',
    'aws_elasticache_subnet_group',
    'aws_elasticache_parameter_group',
    'aws_elasticache_user',
    'aws_elasticache_user_group',
    'aws_cloudwatch_log_resource_policy',
    'aws_cloudwatch_query_definition',
    'aws_efs_mount_target',
    'aws_efs_access_point',
    'aws_ebs_encryption_by_default',
    'aws_lambda_permission',
    'aws_eks_addon',
  ]),
  ...all(noCharge.content, ['aws_secretsmanager_secret_version', 'aws_s3_object']),
  ...all(noCharge.cluster, [
    'kubernetes_namespace_v1',
    'kubernetes_deployment_v1',
    'kubernetes_service_v1',
    'kubernetes_service_account_v1',
    'kubernetes_config_map_v1',
    'kubernetes_secret_v1',
    'kubernetes_job_v1',
    'kubernetes_horizontal_pod_autoscaler_v2',
    'kubernetes_pod_disruption_budget_v1',
    'kubernetes_network_policy_v1',
    'kubernetes_resource_quota_v1',
    'kubernetes_limit_range_v1',
    'kubernetes_priority_class_v1',
    'kubernetes_role_v1',
    'kubernetes_role_binding_v1',
    'kubernetes_manifest',
  ]),
  ...all(noCharge.state, [
    'terraform_data',
    'null_resource',
    'random_password',
    'random_id',
    'random_string',
    'time_sleep',
    'tls_private_key',
  ]),
  aws_ecs_cluster: 'a name for its tasks; free while container insights are off (they bill a metric per task)',
  aws_ecs_cluster_capacity_providers: 'which capacity a task may take; the task is billed',
  aws_ecs_capacity_provider: 'which capacity a task may take; the instances are billed',
  aws_budgets_budget: 'budgets without actions are free',
  aws_acm_certificate: 'public certificates are free for load balancers',
  aws_acm_certificate_validation: 'waits for a certificate',
  aws_ssm_parameter: 'standard parameters are free',
  aws_ssm_document: 'free for instances in AWS',
  aws_elasticache_global_replication_group: 'its member groups are billed',
};

/**
 * How a Terraform type is billed.
 *
 * @throws Error for a type in neither list: what to do.
 */
export function billingOf(type: string): readonly string[] | 'usage' | { readonly free: string } {
  const items = pricedResources[type];
  if (items) return items;
  const free = freeResources[type];
  if (free) return { free };
  throw new Error(
    `${type} has no price and no reason to be free; add it to pricedResources or freeResources in environments/pricing/resources.ts`,
  );
}

function all(reason: string, types: readonly string[]): Record<string, string> {
  return Object.fromEntries(types.map((type) => [type, reason]));
}
