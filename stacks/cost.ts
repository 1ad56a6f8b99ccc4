/** The cost of an environment, from its settings and from what its stacks hold. */
import type { AppautoscalingPolicy } from '@cdktf/provider-aws/lib/appautoscaling-policy/index.js';
import type { AutoscalingPolicy } from '@cdktf/provider-aws/lib/autoscaling-policy/index.js';
import { VpcSecurityGroupEgressRule } from '@cdktf/provider-aws/lib/vpc-security-group-egress-rule/index.js';
import { VpcSecurityGroupIngressRule } from '@cdktf/provider-aws/lib/vpc-security-group-ingress-rule/index.js';
import type { Wafv2WebAcl } from '@cdktf/provider-aws/lib/wafv2-web-acl/index.js';
import { TerraformResource } from 'cdktf';
import type { IConstruct } from 'constructs';
import { interfaceServices } from '../constructs/network/endpoints.ts';
import { quotaLines, quotaUses } from '../environments/budget/quotas.ts';
import { defaultHabits } from '../environments/capacity/model.ts';
import { promisedModelLines } from '../environments/capacity/model-cost.ts';
import { checkPromise } from '../environments/capacity/promise.ts';
import { placedDefinitions } from '../environments/environment.ts';
import { alternativesFor } from '../environments/pricing/alternatives.ts';
import { checkCeiling } from '../environments/pricing/ceiling.ts';
import type { CostedEnvironment } from '../environments/pricing/costed-environment.ts';
import { costSheet, environmentMonthlyUsd } from '../environments/pricing/environment-cost.ts';
import { kubernetesNodes } from '../environments/schema/kubernetes.ts';
import { everyTierMetrics } from '../services/metrics.ts';
import { type AwsEnvironment, onInstances } from './base-stack.ts';

/** @param stacks Counted: secrets, keys, alarms, dashboards and metrics are billed by the piece. */
export function costedEnvironment(environment: AwsEnvironment, stacks: readonly IConstruct[]): CostedEnvironment {
  const resources = stacks
    .flatMap((stack) => stack.node.findAll())
    .filter((node) => TerraformResource.isTerraformResource(node));
  const types = resources.map(({ terraformResourceType }) => terraformResourceType);
  const count = (type: string) => types.filter((one) => one === type).length;
  // An optional tier that is left out costs nothing.
  const tiers = Object.fromEntries(Object.entries(environment.tiers).filter(([, places]) => places !== undefined));
  const published = new Set(
    // Each name with each set of dimensions is billed: two tiers that publish the same name are two.
    Object.entries(placedDefinitions(environment)).flatMap(([service, { scaling, alarms = [], charts = [] }]) =>
      [...(scaling ? [scaling] : []), ...alarms, ...charts]
        .map(({ metric }) => metric as string)
        .concat(everyTierMetrics)
        .map((metric) => `${service}/${metric}`),
    ),
  );
  const onVm = Object.values(tiers).filter((places) => places.some(({ platform }) => platform === 'vm'));
  return {
    name: environment.name,
    tiers,
    aws: environment.aws,
    kubernetes: environment.kubernetes && kubernetesNodes(environment.kubernetes, environment.aws.architecture),
    models: promisedModelLines(environment, defaultHabits),
    counts: {
      secrets: count('aws_secretsmanager_secret'),
      kmsKeys: count('aws_kms_key'),
      // Billed by the metric that an alarm reads (aws.amazon.com/cloudwatch/pricing, read on 2026-11-28). Target tracking keeps a high and a low alarm of its own for each policy.
      alarms: count('aws_cloudwatch_metric_alarm') + 2 * resources.reduce((sum, one) => sum + trackedMetrics(one), 0),
      dashboards: count('aws_cloudwatch_dashboard'),
      // Error lines per tier, what services publish themselves, memory of each tier's instances.
      metrics: count('aws_cloudwatch_log_metric_filter') + published.size + onVm.length,
      interfaceEndpoints: environment.aws.endpoints ? interfaceServices(onInstances(environment)).length : 0,
      hostedZones: 0,
      wafRules: resources.reduce((sum, one) => sum + firewallRules(one), 0),
    },
  };
}

/** By its type's name: an `instanceof` would read the class where nothing is of it (constructs/lazy.ts). */
const is =
  <Resource extends TerraformResource>(type: string) =>
  (resource: TerraformResource): resource is Resource =>
    resource.terraformResourceType === type;
const isAppautoscalingPolicy = is<AppautoscalingPolicy>('aws_appautoscaling_policy');
const isAutoscalingPolicy = is<AutoscalingPolicy>('aws_autoscaling_policy');
const isWebAcl = is<Wafv2WebAcl>('aws_wafv2_web_acl');

/** Metrics that a scaling policy tracks: several where it computes with them. */
function trackedMetrics(resource: TerraformResource): number {
  const tracking = isAppautoscalingPolicy(resource)
    ? resource.targetTrackingScalingPolicyConfigurationInput
    : isAutoscalingPolicy(resource)
      ? resource.targetTrackingConfigurationInput
      : undefined;
  if (!tracking) return 0;
  const queries = tracking.customizedMetricSpecification?.metrics;
  return Array.isArray(queries) ? queries.filter(({ metricStat }) => metricStat).length : 1;
}

/** Rules of a web ACL: a managed group is billed as one. */
function firewallRules(resource: TerraformResource): number {
  const rules = isWebAcl(resource) ? resource.ruleInput : undefined;
  return Array.isArray(rules) ? rules.length : 0;
}

/** The most rules of one direction in one security group. */
export function rulesMax(stacks: readonly IConstruct[]): number {
  const owners = stacks
    .flatMap((stack) => stack.node.findAll())
    .filter((node) => node instanceof VpcSecurityGroupEgressRule || node instanceof VpcSecurityGroupIngressRule)
    .map((rule) => `${rule.terraformResourceType} ${rule.securityGroupIdInput}`);
  const counts = Object.values(Object.groupBy(owners, (owner) => owner)).map((of = []) => of.length);
  return Math.max(0, ...counts);
}

/**
 * The page that synth prints.
 *
 * @throws Error when it promises more than it carries, and when the environment costs more than its ceiling: what costs most, and the nearest change that fits.
 */
export function checkedCostSheet(
  environment: AwsEnvironment,
  stacks: readonly IConstruct[],
  costed: CostedEnvironment = costedEnvironment(environment, stacks),
): string {
  checkPromise(environment);
  checkCeiling(environmentMonthlyUsd(costed), environment.aws.monthlyCeilingUsd, () => alternativesFor(costed));
  return `${costSheet(costed)}\n${quotaLines(quotaUses(costed, rulesMax(stacks)), environment.aws.region)}`;
}
