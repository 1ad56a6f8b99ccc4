/** What a tier's roles may do: its own secrets, logs and image, and the documents if the manifest says so. */

import { initCommand } from '../../environments/wiring/init-command.ts';
import { migration, type SettingName, services, usesStore } from '../../services/manifest.ts';
import type { Statement } from './role.ts';
import type { PlatformProps } from './tier.ts';

type Of = Pick<PlatformProps, 'service' | 'context' | 'image' | 'secrets' | 'logGroup'>;

/** Secrets that the tier's service reads, as setting and ARN, sorted by name. */
export function secretsOf({ service, secrets }: Pick<Of, 'service' | 'secrets'>): [SettingName, string][] {
  const read = services[service].settings as readonly SettingName[];
  return (Object.entries(secrets) as [SettingName, string][])
    .filter(([name]) => read.includes(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** Secrets that its init step reads besides, and the service itself must not have; none without such a step. */
export function initSecretsOf({ service, secrets }: Pick<Of, 'service' | 'secrets'>): [SettingName, string][] {
  if (!initCommand(service)) return [];
  return (Object.entries(secrets) as [SettingName, string][])
    .filter(([name]) => (migration.settings as readonly SettingName[]).includes(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** To start: pull the image, read the secrets, write the logs. */
export function startGrants(tier: Of): Statement[] {
  const secrets = [...secretsOf(tier), ...initSecretsOf(tier)];
  return [
    { actions: ['ecr:GetAuthorizationToken'], resources: ['*'] },
    {
      actions: ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
      resources: [tier.image.repositoryArn],
    },
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
export function runGrants({ service, context }: Of): Statement[] {
  if (!usesDocuments(service)) return [];
  return [
    { actions: ['s3:ListBucket', 's3:ListBucketVersions'], resources: [context.documentsArn] },
    {
      actions: [
        's3:GetObject',
        's3:PutObject',
        's3:DeleteObject',
        // Erasure removes old versions too.
        's3:DeleteObjectVersion',
        's3:AbortMultipartUpload',
      ],
      resources: [`${context.documentsArn}/*`],
    },
    { actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: [context.keyArn] },
  ];
}

export const usesDocuments = (service: PlatformProps['service']): boolean => usesStore(service, 'document-store');
