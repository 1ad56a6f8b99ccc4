/**
 * A tier's secrets in the cluster. Terraform reads them from Secrets Manager during the apply and hands them on through a
 * write-only argument: neither state nor plan holds a value, and pods name the secret and its key.
 */
import { TerraformElement, type TerraformResource } from 'cdktf';
import type { Construct } from 'constructs';
import { lazy } from '../../lazy.ts';
import { initSecretsOf, secretsOf } from '../../tier/grants.ts';
import type { Common, WorkloadProps } from './objects.ts';

export interface TierSecrets {
  /** Setting, and the name of the secret that holds it under that key. */
  readonly own: readonly (readonly [setting: string, secret: string])[];
  /** Of the init step alone. */
  readonly init: readonly (readonly [setting: string, secret: string])[];
  readonly resources: readonly TerraformResource[];
}

export function tierSecrets(scope: Construct, { metadata, dependsOn }: Common, props: WorkloadProps): TierSecrets {
  const resources: TerraformResource[] = [];
  const make = (id: string, arns: readonly [string, string][]) => {
    if (arns.length === 0) return [];
    const name = id === 'secret' ? metadata.name : `${metadata.name}-init`;
    resources.push(
      new lazy.SecretV1(scope, id, {
        metadata: { ...metadata, name },
        type: 'Opaque',
        dataWo: Object.fromEntries(
          arns.map(([setting, arn]) => [setting, new StoredSecret(scope, `stored-${setting}`, arn).value]),
        ),
        dataWoRevision: props.kubernetes.secretsRevision,
        dependsOn: [...dependsOn],
      }),
    );
    return arns.map(([setting]) => [setting, name] as const);
  };
  return { own: make('secret', secretsOf(props)), init: make('init-secret', initSecretsOf(props)), resources };
}

const type = 'aws_secretsmanager_secret_version';

/** cdktf 0.21 has no class for ephemeral resources. */
class StoredSecret extends TerraformElement {
  private readonly arn: string;

  constructor(scope: Construct, id: string, arn: string) {
    super(scope, id, `ephemeral.${type}`);
    this.arn = arn;
  }

  get value(): string {
    return `\${ephemeral.${type}.${this.friendlyUniqueId}.secret_string}`;
  }

  override toTerraform() {
    return { ephemeral: { [type]: { [this.friendlyUniqueId]: { secret_id: this.arn } } } };
  }
}
