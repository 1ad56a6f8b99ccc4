import { SecretsmanagerSecret } from '@cdktf/provider-aws/lib/secretsmanager-secret/index.js';
import { SecretsmanagerSecretVersion } from '@cdktf/provider-aws/lib/secretsmanager-secret-version/index.js';
import { TerraformStack } from 'cdktf';
import { Construct } from 'constructs';
import { justify } from '../policies/justified.ts';

/** Why Secrets Manager's own rotation is off. */
export const rotatedByHand =
  'a value changes together with what accepts it and a restart of the tiers, which a timer would not order';

export interface SecretProps {
  /** @example 'bulkhead/dev/AUTH_SECRET' */
  readonly name: string;
  readonly description: string;
  readonly keyArn: string;
  readonly ephemeral: boolean;
  /**
   * Written once, through a write-only argument that never enters the state. `random`: 48 letters and digits made during
   * the apply. `by hand`: the word `unset`, until a person puts the value.
   */
  readonly value: 'random' | 'by hand' | { readonly text: string };
  /** Raising it writes a new value, unless that comes by hand. @default 1 */
  readonly version?: number | undefined;
}

/**
 * A secret in Secrets Manager. Terraform keeps its ARN, not its value: values are made by an ephemeral resource and
 * handed on by write-only arguments, so neither state nor plan holds them.
 */
export class Secret extends Construct {
  readonly arn: string;
  private readonly version: SecretsmanagerSecretVersion;
  private readonly ephemeralId: string;
  private readonly rotated: boolean;

  constructor(scope: Construct, id: string, props: SecretProps) {
    super(scope, id);
    // Unique in the stack, as the path is; the first part is the stack's own name.
    this.ephemeralId = this.node.path.split('/').slice(1).join('_').replaceAll('-', '_').toLowerCase();
    const version = props.value === 'by hand' ? 1 : (props.version ?? 1);
    this.rotated = version > 1;
    const secret = new SecretsmanagerSecret(this, 'secret', {
      name: props.name,
      description: props.description,
      kmsKeyId: props.keyArn,
      // 0 deletes at once, so that an ephemeral environment can be made again under the same names.
      recoveryWindowInDays: props.ephemeral ? 0 : 30,
      lifecycle: { preventDestroy: !props.ephemeral },
    });
    justify(secret, { CKV2_AWS_57: rotatedByHand });
    this.version = new SecretsmanagerSecretVersion(this, 'version', {
      secretId: secret.id,
      secretStringWo: this.text(props.value),
      secretStringWoVersion: version,
    });
    this.arn = secret.arn;
  }

  /**
   * The stored value, for another resource's write-only argument in the same stack. Read back from Secrets Manager, so
   * that an apply that failed half way goes on with the same value.
   */
  read(): string {
    const name = `${this.ephemeralId}_stored`;
    TerraformStack.of(this).addOverride(`ephemeral.aws_secretsmanager_secret_version.${name}`, {
      secret_id: `\${${this.version.fqn}.secret_id}`,
      // Unknown until the new value is written: without it, the one before could be read.
      ...(this.rotated && { version_id: `\${${this.version.fqn}.version_id}` }),
    });
    return `\${ephemeral.aws_secretsmanager_secret_version.${name}.secret_string}`;
  }

  private text(value: SecretProps['value']): string {
    if (value === 'by hand') return 'unset';
    if (value !== 'random') return value.text;
    TerraformStack.of(this).addOverride(`ephemeral.aws_secretsmanager_random_password.${this.ephemeralId}`, {
      password_length: 48,
      exclude_punctuation: true,
    });
    return `\${ephemeral.aws_secretsmanager_random_password.${this.ephemeralId}.random_password}`;
  }
}
