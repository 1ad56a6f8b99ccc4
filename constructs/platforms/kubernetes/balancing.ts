import type { TerraformResource } from 'cdktf';
import type { Construct } from 'constructs';
import { lazy } from '../../lazy.ts';
import { type Common, selectorOf, type WorkloadProps } from './objects.ts';

/**
 * Has the pods of a tier registered in its target groups, by the AWS Load Balancer Controller. It names no network rules:
 * the security groups are Terraform's alone.
 * https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/targetgroupbinding/targetgroupbinding/
 */
export function bindTargets(
  scope: Construct,
  { metadata, dependsOn }: Common,
  { service, definition, targetArns }: WorkloadProps,
): TerraformResource[] {
  if (targetArns.length === 0) return [];
  const { port } = definition;
  const address = new lazy.ServiceV1(scope, 'service', {
    metadata,
    spec: {
      type: 'ClusterIP',
      selector: selectorOf(service),
      port: [{ name: 'http', port, targetPort: String(port), protocol: 'TCP' }],
    },
    dependsOn: [...dependsOn],
  });
  return targetArns.map(
    (targetGroupARN, index) =>
      new lazy.Manifest(scope, `binding-${index}`, {
        manifest: {
          apiVersion: 'elbv2.k8s.aws/v1beta1',
          kind: 'TargetGroupBinding',
          metadata: { ...metadata, name: index === 0 ? service : `${service}-${index}` },
          spec: { serviceRef: { name: service, port }, targetGroupARN, targetType: 'ip' },
        },
        dependsOn: [address],
      }),
  );
}
