/** What all objects of a tier in the cluster have in common. */
import type { TerraformResource } from 'cdktf';
import type { KubernetesContext, PlatformProps } from '../../tier/tier-props.ts';

export interface WorkloadProps extends PlatformProps {
  readonly kubernetes: KubernetesContext;
  /** Target groups that send it requests. */
  readonly targetArns: readonly string[];
}

/** What every object of a tier has. */
export interface Common {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly labels: Record<string, string> };
  readonly dependsOn: readonly TerraformResource[];
}

/** What finds a tier's pods. */
export const selectorOf = (service: string) => ({ 'app.kubernetes.io/name': service });
