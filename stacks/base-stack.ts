/**
 * What every stack has: state in S3 with a lock file, the provider with its tags, and the policies, each an aspect that
 * turns a fault into a failed synth. The default backend would write this machine's working directory into the output.
 */
import { DataAwsCallerIdentity } from '@cdktf/provider-aws/lib/data-aws-caller-identity/index.js';
import { AwsProvider } from '@cdktf/provider-aws/lib/provider/index.js';
import { Aspects, S3Backend, TerraformStack } from 'cdktf';
import type { Construct } from 'constructs';
import { policies } from '../constructs/policies/policies.ts';
import type { Environment } from '../environments/environment.ts';
import type { Aws } from '../environments/schema/aws.ts';

/** An environment whose target is AWS. */
export type AwsEnvironment = Environment & { aws: Aws };

export class BaseStack extends TerraformStack {
  /** A reference, not a number: known to Terraform only. */
  readonly accountId: string;
  /** Prefix of every name: `bulkhead-dev`. */
  readonly prefix: string;
  readonly environment: AwsEnvironment;

  constructor(scope: Construct, part: string, environment: AwsEnvironment) {
    super(scope, `${environment.name}-${part}`);
    const { aws } = environment;
    this.environment = environment;
    this.prefix = `bulkhead-${environment.name}`;
    const backend = new S3Backend(this, {
      bucket: aws.stateBucket,
      key: `${environment.name}/${part}.tfstate`,
      region: aws.region,
      encrypt: true,
    });
    // cdktf 0.21 has no property for it.
    backend.addOverride('use_lockfile', true);
    // 1.11: write-only arguments, which keep secrets out of the state.
    this.addOverride('terraform.required_version', '>= 1.11');
    new AwsProvider(this, 'aws', {
      region: aws.region,
      ...(aws.accountId ? { allowedAccountIds: [aws.accountId] } : {}),
      defaultTags: [{ tags: { Project: 'bulkhead', Environment: environment.name, Stack: part } }],
    });
    this.accountId = new DataAwsCallerIdentity(this, 'account').accountId;
    for (const policy of Object.values(policies)) Aspects.of(this).add(policy);
  }
}

/** Whether some tier runs on instances: its own, or a cluster's nodes. */
export const onInstances = ({ tiers }: Pick<Environment, 'tiers'>): boolean =>
  Object.values(tiers).some((places) => places?.some(({ platform }) => platform !== 'ecs'));
