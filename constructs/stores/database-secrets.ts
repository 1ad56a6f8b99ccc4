import { TerraformStack } from 'cdktf';
import type { Construct } from 'constructs';
import type { SecretVersions } from '../../environments/schema/secret-versions.ts';
import { databaseRole, type migration, type ServiceName } from '../../services/manifest.ts';
import { Secret, type SecretProps } from './secrets.ts';

export interface DatabaseSecretsProps {
  readonly prefix: string;
  readonly keyArn: string;
  readonly ephemeral: boolean;
  /** Services with a role of their own. */
  readonly tiers: readonly ServiceName[];
  /** Host and port. */
  readonly address: string;
  readonly database: string;
  readonly ownerUrl: SecretProps['value'];
  readonly versions: SecretVersions;
}

/** Who reaches the database, and as whom. */
export interface DatabaseSecrets {
  /** Secrets with each tier's `DATABASE_URL`, as its own role. */
  readonly urlSecretArns: Readonly<Partial<Record<ServiceName, string>>>;
  /** Secrets that the init step alone reads. */
  readonly migrationSecretArns: Readonly<Record<(typeof migration)['settings'][number], string>>;
}

export const databaseUrl = (role: string, password: string, address: string, database: string): string =>
  `postgres://${role}:${password}@${address}/${database}?sslmode=verify-full`;

/** A password for each tier's role, which the init step sets, and the URL that holds it. */
export function databaseSecrets(scope: Construct, props: DatabaseSecretsProps): DatabaseSecrets {
  const { prefix, tiers, address, database, ...how } = props;
  const secret = (
    id: string,
    name: string,
    description: string,
    value: SecretProps['value'],
    version: keyof SecretVersions = 'DATABASE_URL',
  ) =>
    new Secret(scope, id, {
      name: `${prefix}/${name}`,
      description,
      keyArn: how.keyArn,
      ephemeral: how.ephemeral,
      value,
      version: how.versions[version],
    });
  const passwords = secret(
    'role-passwords',
    'DATABASE_ROLE_PASSWORDS',
    "Passwords of the tiers' roles, which the init step sets",
    { text: `\${jsonencode({ ${tiers.map((tier) => `"${tier}" = ${newPassword(scope, tier)}`).join(', ')} })}` },
  );
  const stored = unwrapped(passwords.read());
  return {
    urlSecretArns: Object.fromEntries(
      tiers.map((tier) => [
        tier,
        secret(`url-${tier}`, `${tier}/DATABASE_URL`, `Where ${tier} reaches PostgreSQL, and as whom`, {
          text: databaseUrl(databaseRole(tier), `\${jsondecode(${stored})["${tier}"]}`, address, database),
        }).arn,
      ]),
    ),
    migrationSecretArns: {
      DATABASE_OWNER_URL: secret(
        'url-owner',
        'DATABASE_OWNER_URL',
        'Where the init step reaches PostgreSQL, as the owner of its tables',
        props.ownerUrl,
        'DATABASE_OWNER_URL',
      ).arn,
      DATABASE_ROLE_PASSWORDS: passwords.arn,
    },
  };
}

/** An expression that makes one during the apply. */
function newPassword(scope: Construct, tier: ServiceName): string {
  const name = `${tier.replaceAll('-', '_')}_database`;
  TerraformStack.of(scope).addOverride(`ephemeral.aws_secretsmanager_random_password.${name}`, {
    password_length: 48,
    exclude_punctuation: true,
  });
  return `ephemeral.aws_secretsmanager_random_password.${name}.random_password`;
}

/** What stands between `${` and `}`. */
const unwrapped = (reference: string): string => reference.slice(2, -1);
