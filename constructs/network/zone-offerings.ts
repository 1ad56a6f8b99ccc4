import { DataAwsEc2InstanceTypeOfferings } from '@cdktf/provider-aws/lib/data-aws-ec2-instance-type-offerings/index.js';
import type { Construct } from 'constructs';

export interface ZoneOfferings {
  readonly region: string;
  /** Letters of the zones that the instance may be started in. */
  readonly zones: readonly string[];
}

/**
 * Asks in every plan that AWS offers the instance type in each of the zones: some lack those of one architecture. No table
 * can tell at synth, since a letter is another zone in each account.
 */
export function offeredInZones(scope: Construct, instanceType: string, { region, zones }: ZoneOfferings): void {
  const names = zones.map((zone) => region + zone);
  const filter = { name: 'instance-type', values: [instanceType] };
  new DataAwsEc2InstanceTypeOfferings(scope, `offered-${instanceType}`, {
    locationType: 'availability-zone',
    filter: [filter],
    lifecycle: {
      postcondition: [
        {
          condition: `\${length(setsubtract(${JSON.stringify(names)}, self.locations)) == 0}`,
          errorMessage: `${instanceType} is needed in ${names.join(', ')}; AWS offers it in \${join(", ", sort(self.locations))} of this account: set aws.zones to letters of these, or choose another aws.architecture.`,
        },
      ],
    },
  });
}
