/**
 * Names of resources. AWS limits their length per kind; a name too long fails here, with the limit, instead of in the
 * middle of an apply.
 */

/** Longest name per kind, in characters, from the resource's own AWS reference. */
export const nameLimits = {
  'load balancer': 32,
  'target group prefix': 6,
  'ElastiCache group': 40,
  'RDS instance': 63,
  'IAM role': 64,
  'S3 bucket': 63,
  'Auto Scaling group': 255,
  'launch template': 128,
  'ECS family': 255,
  'log group': 512,
  'ECR repository': 256,
} as const;

export type NamedKind = keyof typeof nameLimits;

/** Kinds whose names may hold a slash. */
const paths: readonly NamedKind[] = ['log group', 'ECR repository'];

/**
 * Joins `parts` with `-` and checks the result against what AWS accepts for `kind`.
 *
 * @throws Error with the name, its length and the limit.
 * @example nameOf('load balancer', 'bulkhead', 'dev', 'public') // 'bulkhead-dev-public'
 */
export function nameOf(kind: NamedKind, ...parts: readonly string[]): string {
  const name = parts.join('-');
  const max = nameLimits[kind];
  if (name.length > max)
    throw new Error(
      `name '${name}' has ${name.length} characters; a ${kind} allows at most ${max}: shorten the environment's name`,
    );
  const allowed = paths.includes(kind) ? /^[a-z0-9/][a-z0-9/_-]*$/ : /^[a-z][a-z0-9-]*$/;
  if (!allowed.test(name))
    throw new Error(`name '${name}' (${kind}): allowed are lower-case letters, digits and hyphens, a letter first`);
  return name;
}
