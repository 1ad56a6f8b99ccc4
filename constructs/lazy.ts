/**
 * Large classes of the providers that only some environments use: 17 of the 25 MB of source that a synth would read. Each
 * is read when its first resource is made; by an `import` all would be, in every synth.
 */
import { createRequire } from 'node:module';
import type { AppautoscalingPolicy } from '@cdktf/provider-aws/lib/appautoscaling-policy/index.js';
import type { AutoscalingGroup } from '@cdktf/provider-aws/lib/autoscaling-group/index.js';
import type { AutoscalingPolicy } from '@cdktf/provider-aws/lib/autoscaling-policy/index.js';
import type { DataAwsEksCluster } from '@cdktf/provider-aws/lib/data-aws-eks-cluster/index.js';
import type { EksCluster } from '@cdktf/provider-aws/lib/eks-cluster/index.js';
import type { EksNodeGroup } from '@cdktf/provider-aws/lib/eks-node-group/index.js';
import type { Instance } from '@cdktf/provider-aws/lib/instance/index.js';
import type { LaunchTemplate } from '@cdktf/provider-aws/lib/launch-template/index.js';
import type { Wafv2WebAcl } from '@cdktf/provider-aws/lib/wafv2-web-acl/index.js';
import type { ConfigMapV1 } from '@cdktf/provider-kubernetes/lib/config-map-v1/index.js';
import type { DaemonSetV1 } from '@cdktf/provider-kubernetes/lib/daemon-set-v1/index.js';
import type { DeploymentV1 } from '@cdktf/provider-kubernetes/lib/deployment-v1/index.js';
import type { HorizontalPodAutoscalerV2 } from '@cdktf/provider-kubernetes/lib/horizontal-pod-autoscaler-v2/index.js';
import type { LimitRangeV1 } from '@cdktf/provider-kubernetes/lib/limit-range-v1/index.js';
import type { Manifest } from '@cdktf/provider-kubernetes/lib/manifest/index.js';
import type { NamespaceV1 } from '@cdktf/provider-kubernetes/lib/namespace-v1/index.js';
import type { NetworkPolicyV1 } from '@cdktf/provider-kubernetes/lib/network-policy-v1/index.js';
import type { PodDisruptionBudgetV1 } from '@cdktf/provider-kubernetes/lib/pod-disruption-budget-v1/index.js';
import type { PriorityClassV1 } from '@cdktf/provider-kubernetes/lib/priority-class-v1/index.js';
import type { KubernetesProvider } from '@cdktf/provider-kubernetes/lib/provider/index.js';
import type { ResourceQuotaV1 } from '@cdktf/provider-kubernetes/lib/resource-quota-v1/index.js';
import type { SecretV1 } from '@cdktf/provider-kubernetes/lib/secret-v1/index.js';
import type { ServiceAccountV1 } from '@cdktf/provider-kubernetes/lib/service-account-v1/index.js';
import type { ServiceV1 } from '@cdktf/provider-kubernetes/lib/service-v1/index.js';

const require = createRequire(import.meta.url);

export const lazy = {
  get AppautoscalingPolicy(): typeof AppautoscalingPolicy {
    return require('@cdktf/provider-aws/lib/appautoscaling-policy/index.js').AppautoscalingPolicy;
  },
  get AutoscalingGroup(): typeof AutoscalingGroup {
    return require('@cdktf/provider-aws/lib/autoscaling-group/index.js').AutoscalingGroup;
  },
  get AutoscalingPolicy(): typeof AutoscalingPolicy {
    return require('@cdktf/provider-aws/lib/autoscaling-policy/index.js').AutoscalingPolicy;
  },
  get Instance(): typeof Instance {
    return require('@cdktf/provider-aws/lib/instance/index.js').Instance;
  },
  get LaunchTemplate(): typeof LaunchTemplate {
    return require('@cdktf/provider-aws/lib/launch-template/index.js').LaunchTemplate;
  },
  get DataAwsEksCluster(): typeof DataAwsEksCluster {
    return require('@cdktf/provider-aws/lib/data-aws-eks-cluster/index.js').DataAwsEksCluster;
  },
  get EksCluster(): typeof EksCluster {
    return require('@cdktf/provider-aws/lib/eks-cluster/index.js').EksCluster;
  },
  get EksNodeGroup(): typeof EksNodeGroup {
    return require('@cdktf/provider-aws/lib/eks-node-group/index.js').EksNodeGroup;
  },
  get Wafv2WebAcl(): typeof Wafv2WebAcl {
    return require('@cdktf/provider-aws/lib/wafv2-web-acl/index.js').Wafv2WebAcl;
  },
  get ConfigMapV1(): typeof ConfigMapV1 {
    return require('@cdktf/provider-kubernetes/lib/config-map-v1/index.js').ConfigMapV1;
  },
  get DaemonSetV1(): typeof DaemonSetV1 {
    return require('@cdktf/provider-kubernetes/lib/daemon-set-v1/index.js').DaemonSetV1;
  },
  get DeploymentV1(): typeof DeploymentV1 {
    return require('@cdktf/provider-kubernetes/lib/deployment-v1/index.js').DeploymentV1;
  },
  get HorizontalPodAutoscalerV2(): typeof HorizontalPodAutoscalerV2 {
    return require('@cdktf/provider-kubernetes/lib/horizontal-pod-autoscaler-v2/index.js').HorizontalPodAutoscalerV2;
  },
  get KubernetesProvider(): typeof KubernetesProvider {
    return require('@cdktf/provider-kubernetes/lib/provider/index.js').KubernetesProvider;
  },
  get LimitRangeV1(): typeof LimitRangeV1 {
    return require('@cdktf/provider-kubernetes/lib/limit-range-v1/index.js').LimitRangeV1;
  },
  get Manifest(): typeof Manifest {
    return require('@cdktf/provider-kubernetes/lib/manifest/index.js').Manifest;
  },
  get NamespaceV1(): typeof NamespaceV1 {
    return require('@cdktf/provider-kubernetes/lib/namespace-v1/index.js').NamespaceV1;
  },
  get NetworkPolicyV1(): typeof NetworkPolicyV1 {
    return require('@cdktf/provider-kubernetes/lib/network-policy-v1/index.js').NetworkPolicyV1;
  },
  get PodDisruptionBudgetV1(): typeof PodDisruptionBudgetV1 {
    return require('@cdktf/provider-kubernetes/lib/pod-disruption-budget-v1/index.js').PodDisruptionBudgetV1;
  },
  get PriorityClassV1(): typeof PriorityClassV1 {
    return require('@cdktf/provider-kubernetes/lib/priority-class-v1/index.js').PriorityClassV1;
  },
  get ResourceQuotaV1(): typeof ResourceQuotaV1 {
    return require('@cdktf/provider-kubernetes/lib/resource-quota-v1/index.js').ResourceQuotaV1;
  },
  get SecretV1(): typeof SecretV1 {
    return require('@cdktf/provider-kubernetes/lib/secret-v1/index.js').SecretV1;
  },
  get ServiceAccountV1(): typeof ServiceAccountV1 {
    return require('@cdktf/provider-kubernetes/lib/service-account-v1/index.js').ServiceAccountV1;
  },
  get ServiceV1(): typeof ServiceV1 {
    return require('@cdktf/provider-kubernetes/lib/service-v1/index.js').ServiceV1;
  },
};
