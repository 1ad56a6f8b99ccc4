import { describe, expect, test } from '@jest/globals';
import { pricedRegions, priceRows } from '../../../environments/pricing/prices/prices.ts';
import { billingOf, freeResources, pricedResources } from '../../../environments/pricing/resources.ts';

describe('resource types', () => {
  test('are priced or free, never both', () => {
    expect(Object.keys(pricedResources).filter((type) => type in freeResources)).toEqual([]);
  });

  test('that are priced name items which exist in every region, or are known to be refused there', () => {
    const refused = ['eu-central-1 logs/vended-s3'];
    for (const [type, items] of Object.entries(pricedResources)) {
      if (items === 'usage') continue;
      expect(items.length).toBeGreaterThan(0);
      for (const region of pricedRegions)
        for (const begin of items) {
          if (refused.includes(`${region} ${begin}`)) continue;
          const found = priceRows.some((row) => row.region === region && row.item.startsWith(begin));
          expect([type, begin, region, found]).toEqual([type, begin, region, true]);
        }
    }
  });

  test('that a tier, its network and its stores are made of are all answered for', () => {
    const types =
      'vpc subnet nat_gateway vpc_endpoint eip route route_table route_table_association internet_gateway ' +
      'lb lb_listener lb_listener_rule lb_target_group security_group ' +
      'vpc_security_group_ingress_rule vpc_security_group_egress_rule cloudwatch_log_group secretsmanager_secret ' +
      'ssm_parameter kms_key kms_alias ecr_repository ecr_lifecycle_policy s3_bucket s3_bucket_public_access_block ' +
      's3_bucket_versioning s3_bucket_server_side_encryption_configuration s3_bucket_lifecycle_configuration ' +
      'cloudwatch_metric_alarm cloudwatch_dashboard budgets_budget backup_vault backup_plan backup_selection ' +
      'wafv2_web_acl wafv2_ip_set wafv2_web_acl_association db_instance db_subnet_group elasticache_replication_group ' +
      'elasticache_subnet_group launch_template autoscaling_group autoscaling_lifecycle_hook autoscaling_policy ' +
      'iam_role iam_role_policy iam_role_policy_attachment iam_instance_profile ecs_cluster ' +
      'ecs_cluster_capacity_providers ecs_task_definition ecs_service appautoscaling_target appautoscaling_policy ' +
      'service_discovery_service service_discovery_private_dns_namespace acm_certificate sns_topic flow_log ' +
      'eks_cluster eks_node_group';
    for (const type of types.split(' ')) expect(() => billingOf(`aws_${type}`)).not.toThrow();
    const kubernetes =
      'namespace_v1 deployment_v1 service_v1 horizontal_pod_autoscaler_v2 network_policy_v1 ' +
      'pod_disruption_budget_v1 resource_quota_v1 limit_range_v1 job_v1 secret_v1 priority_class_v1 service_account_v1';
    for (const type of kubernetes.split(' ')) expect(() => billingOf(`kubernetes_${type}`)).not.toThrow();
  });

  test('that are free say why', () => {
    for (const reason of Object.values(freeResources)) expect(reason.length).toBeGreaterThan(10);
  });

  test('are answered for', () => {
    expect(billingOf('aws_nat_gateway')).toEqual(['nat/']);
    expect(billingOf('aws_sns_topic')).toBe('usage');
    expect(billingOf('aws_ecs_task_definition')).toEqual({ free: expect.stringContaining('a description') });
  });

  test('of neither kind are refused with what to do', () => {
    expect(() => billingOf('aws_redshift_cluster')).toThrow(
      'aws_redshift_cluster has no price and no reason to be free; add it to pricedResources or freeResources in environments/pricing/resources.ts',
    );
  });
});
