/** What a tier's roles may do: its own secrets, logs and image, and the documents if its definition says so. */

import type { ServiceDefinition } from '../../services/definition.ts';
import type { Statement } from './role.ts';
import type { PlatformProps } from './tier-props.ts';

type Of = Pick<PlatformProps, 'service' | 'definition' | 'context' | 'image' | 'secrets' | 'logGroup'>;

/** Secrets that the tier's service reads, as setting and ARN, sorted by name. */
export const secretsOf = ({ definition, secrets }: Pick<Of, 'definition' | 'secrets'>): [string, string][] =>
  named(secrets, definition.settings);

/** Secrets that its init step reads besides, and the service itself must not have; none without such a step. */
export const initSecretsOf = ({ definition, secrets }: Pick<Of, 'definition' | 'secrets'>): [string, string][] =>
  named(secrets, definition.initStep?.settings ?? []);

const named = (secrets: Of['secrets'], names: readonly string[]): [string, string][] =>
  Object.entries(secrets)
    .filter(([name]) => names.includes(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));

/** To start: pull the image, read the secrets, write the logs. */
export function startGrants(tier: Of): Statement[] {
  const { repositoryArn } = tier.image;
  const secrets = [...secretsOf(tier), ...initSecretsOf(tier)];
  return [
    ...(repositoryArn
      ? [
          { actions: ['ecr:GetAuthorizationToken'], resources: ['*'] },
          {
            actions: ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
            resources: [repositoryArn],
          },
        ]
      : []),
    { actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [`${tier.logGroup.arn}:*`] },
    ...(secrets.length > 0
      ? [
          { actions: ['secretsmanager:GetSecretValue'], resources: secrets.map(([, arn]) => arn) },
          { actions: ['kms:Decrypt'], resources: [tier.context.keyArn] },
        ]
      : []),
  ];
}

/** To run: documents, where the service uses them. */
export function runGrants({ service, definition, context }: Of): Statement[] {
  if (!usesDocuments(definition)) return [];
  const { documentsArn, keyArn } = context;
  if (!documentsArn) throw new Error(`'${service}' uses the document store but there is none: give its documentsArn`);
  return [
    { actions: ['s3:ListBucket', 's3:ListBucketVersions'], resources: [documentsArn] },
    {
      actions: [
        's3:GetObject',
        's3:PutObject',
        's3:DeleteObject',
        // Erasure removes old versions too.
        's3:DeleteObjectVersion',
        's3:AbortMultipartUpload',
      ],
      resources: [`${documentsArn}/*`],
    },
    { actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: [keyArn] },
  ];
}

export const usesDocuments = ({ uses }: ServiceDefinition): boolean => uses.includes('document-store');
