import type { Aws } from './aws.ts';

/** What must hold between the parts that are named and the rest of the `aws` block. */
export function existingFaults({ aws }: { readonly aws?: Aws | undefined }): { path: string[]; message: string }[] {
  if (!aws) return [];
  const { existing, zones, region } = aws;
  const { network, postgres, redis, documents, keyArn } = existing;
  const faults: { path: string[]; message: string }[] = [];
  const fault = (path: string[], message: string) => faults.push({ path: ['aws', ...path], message });
  if (network) {
    if (aws.nat !== 'single')
      fault(['nat'], `given '${aws.nat}' beside existing.network, which has a way out of its own; leave it out`);
    if (aws.endpoints)
      fault(['endpoints'], 'given beside existing.network; name the group of its own as endpointSecurityGroupId');
    for (const kind of ['publicSubnetIds', 'privateSubnetIds'] as const)
      if (network[kind].length !== zones.length)
        fault(
          ['existing', 'network', kind],
          `given ${network[kind].length}; allowed with zones ${zones.join(', ')}: ${zones.length}, one in each, in that order`,
        );
    if (!(postgres && redis) && network.dataSubnetIds.length < 2)
      fault(
        ['existing', 'network', 'dataSubnetIds'],
        `given ${network.dataSubnetIds.length}; ${postgres ? 'Redis is' : redis ? 'PostgreSQL is' : 'PostgreSQL and Redis are'} made here and needs two or more, in different zones`,
      );
  }
  for (const store of ['postgres', 'redis'] as const)
    if (existing[store] && !network)
      fault(
        ['existing', store],
        'given without existing.network: a security group admits tiers of its own network only; name the network too',
      );
  const bucketFault = documents && documentsFault(documents.bucket, aws.stateBucket);
  if (bucketFault) fault(['existing', 'documents', 'bucket'], bucketFault);
  const keyRegion = keyArn?.split(':')[3];
  if (keyRegion !== undefined && keyRegion !== region)
    fault(['existing', 'keyArn'], `given a key of '${keyRegion}'; allowed: one of '${region}'`);
  return faults;
}

/** What a stack here makes: `bulkhead-<env>-documents-<account>`, and its logs beside it. */
const madeHere = /^bulkhead-[a-z][a-z0-9]{1,7}-(documents|audit)-\d{12}$/;

/** What no row of this environment's database names counts as left over: nothing else may keep files there. */
function documentsFault(bucket: string, stateBucket: string): string | undefined {
  if (bucket === stateBucket)
    return `given '${bucket}', which is aws.stateBucket and holds the Terraform state; allowed: a bucket that holds nothing else`;
  if (madeHere.test(bucket))
    return `given '${bucket}', a name that an environment makes itself, and holds its own files; allowed: a bucket that holds nothing else, or leave existing.documents out to have one made`;
  return undefined;
}
