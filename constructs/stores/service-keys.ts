import { TerraformStack } from 'cdktf';
import { Construct } from 'constructs';
import type { ServiceName } from '../../services/manifest.ts';
import { Secret } from './secrets.ts';

export interface ServiceKeysProps {
  readonly prefix: string;
  readonly keyArn: string;
  readonly ephemeral: boolean;
  /** Services that call others. */
  readonly callers: readonly ServiceName[];
  /** Raising it makes new pairs. @default 1 */
  readonly version?: number | undefined;
}

/**
 * An Ed25519 key pair for each service that calls others. Made during the apply by ephemeral resources of the tls
 * provider, so that neither plan nor state holds one. The public half is derived from what is stored: an apply that failed
 * half way goes on with the same pair.
 */
export class ServiceKeys extends Construct {
  /** Secrets with each caller's SERVICE_TOKEN_PRIVATE_KEY. */
  readonly privateKeyArns: Readonly<Partial<Record<ServiceName, string>>>;
  /** Secret with SERVICE_TOKEN_PUBLIC_KEYS. */
  readonly publicKeysArn: string;

  constructor(scope: Construct, id: string, { prefix, callers, ...how }: ServiceKeysProps) {
    super(scope, id);
    const stack = TerraformStack.of(this);
    // 4.1: its first release with ephemeral resources.
    stack.addOverride('terraform.required_providers.tls', { source: 'hashicorp/tls', version: '~> 4.1' });
    const pairs = callers.map((caller) => {
      const name = caller.replaceAll('-', '_');
      stack.addOverride(`ephemeral.tls_private_key.${name}`, { algorithm: 'ED25519' });
      const secret = new Secret(this, caller, {
        name: `${prefix}/${caller}/SERVICE_TOKEN_PRIVATE_KEY`,
        description: `Signs calls of ${caller} to other tiers`,
        ...how,
        value: { text: `\${${inOneLine(`ephemeral.tls_private_key.${name}.private_key_pem`)}}` },
      });
      const stored = secret.read().replace(/^\$\{(.*)\}$/, '$1');
      stack.addOverride(`ephemeral.tls_public_key.${name}`, { private_key_pem: `\${${inLines(stored)}}` });
      return { caller, arn: secret.arn, publicKey: inOneLine(`ephemeral.tls_public_key.${name}.public_key_pem`) };
    });
    this.privateKeyArns = Object.fromEntries(pairs.map(({ caller, arn }) => [caller, arn]));
    const all = pairs.map(({ caller, publicKey }) => `"${caller}" = ${publicKey}`).join(', ');
    this.publicKeysArn = new Secret(this, 'public', {
      name: `${prefix}/SERVICE_TOKEN_PUBLIC_KEYS`,
      description: 'Public keys of the tiers that call others',
      ...how,
      value: { text: `\${jsonencode({ ${all} })}` },
    }).arn;
  }
}

/** A file of environment variables has one line for each. */
const inOneLine = (pem: string): string => `replace(${pem}, "\\n", "")`;

/** The provider wants the line breaks back. */
const inLines = (pem: string): string =>
  `replace(replace(${pem}, "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\\n"), "-----END", "\\n-----END")`;
