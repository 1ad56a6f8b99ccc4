/**
 * What stands in for an image or AMI that does not exist yet. Synth accepts it, so that a fresh clone can be looked at;
 * Terraform refuses to plan with it on a real account.
 */
import { Fn, type TerraformResourceLifecycle } from 'cdktf';

/** Digest of an image that has not been pushed. */
export const placeholderDigest = `sha256:${'0'.repeat(64)}`;

/** AMI that has not been chosen. */
export const placeholderAmi = `ami-${'0'.repeat(17)}`;

/**
 * The account of AWS's documentation and of API emulators (moto; LocalStack uses zeros). No customer has it, so a
 * rehearsal may go on where a deployment must not.
 */
export const emulatorAccounts = ['123456789012', '000000000000'] as const;

export interface Pinned {
  /** What is missing, for the message. @example 'image of api' */
  readonly what: string;
  readonly value: string;
  /** How to get a real one. @example 'npm run images -- --push dev' */
  readonly remedy: string;
}

/** A Terraform precondition for each value that is still a placeholder. */
export function refusePlaceholders(
  pinned: readonly Pinned[],
  accountId: string,
): NonNullable<TerraformResourceLifecycle['precondition']> {
  return pinned
    .filter(({ value }) => value === placeholderDigest || value === placeholderAmi)
    .map(({ what, value, remedy }) => ({
      condition: Fn.contains([...emulatorAccounts], accountId),
      errorMessage: `The ${what} is still the placeholder ${value.slice(0, 16)}. Run: ${remedy}`,
    }));
}
