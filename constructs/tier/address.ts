import type { TerraformResource } from 'cdktf';

/** A resource's address as `depends_on` takes it. cdktf's `fqn` is an expression and would be written with its braces. */
export const address = (resource: TerraformResource): string =>
  `${resource.terraformResourceType}.${resource.friendlyUniqueId}`;
