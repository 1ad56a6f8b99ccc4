import { EcrLifecyclePolicy } from '@cdktf/provider-aws/lib/ecr-lifecycle-policy/index.js';
import { EcrRepository } from '@cdktf/provider-aws/lib/ecr-repository/index.js';
import { Construct } from 'constructs';
import { nameOf } from '../../environments/wiring/names.ts';
import type { ServiceName } from '../../services/manifest.ts';

export interface ImageRegistryProps {
  readonly prefix: string;
  readonly keyArn: string;
  readonly ephemeral: boolean;
  readonly services: readonly ServiceName[];
}

/** One image repository, as tiers need it. */
export interface Repository {
  readonly arn: string;
  readonly url: string;
}

/** Days until an image without a tag goes. Every push has a tag, so no image that runs, or could be gone back to, expires. */
const untaggedDays = 14;

/** A repository per service: tags cannot be moved, pushes are scanned, images without a tag go. */
export class ImageRegistry extends Construct {
  readonly repositories: Readonly<Record<string, Repository>>;

  constructor(scope: Construct, id: string, props: ImageRegistryProps) {
    super(scope, id);
    this.repositories = Object.fromEntries(props.services.map((name) => [name, this.repository(name, props)]));
  }

  private repository(name: ServiceName, { prefix, keyArn, ephemeral }: ImageRegistryProps): Repository {
    const repository = new EcrRepository(this, name, {
      name: nameOf('ECR repository', `${prefix}/${name}`),
      imageTagMutability: 'IMMUTABLE',
      imageScanningConfiguration: { scanOnPush: true },
      encryptionConfiguration: [{ encryptionType: 'KMS', kmsKey: keyArn }],
      forceDelete: ephemeral,
    });
    new EcrLifecyclePolicy(this, `${name}-lifecycle`, {
      repository: repository.name,
      policy: JSON.stringify({
        rules: [
          {
            rulePriority: 1,
            description: `untagged for ${untaggedDays} days`,
            selection: {
              tagStatus: 'untagged',
              countType: 'sinceImagePushed',
              countUnit: 'days',
              countNumber: untaggedDays,
            },
            action: { type: 'expire' },
          },
        ],
      }),
    });
    return { arn: repository.arn, url: repository.repositoryUrl };
  }
}
