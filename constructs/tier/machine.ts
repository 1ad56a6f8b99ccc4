import type { LaunchTemplateConfig } from '@cdktf/provider-aws/lib/launch-template/index.js';

export interface MachineProps {
  readonly name: string;
  readonly environment: string;
  readonly tier: string;
  readonly volumeGiB: number;
}

/** What the launch template of every machine says: the way to its own rights, its disk, whose it is. */
export function machine({ name, environment, tier, volumeGiB }: MachineProps) {
  const tags = { Name: name, Project: 'bulkhead', Environment: environment, Tier: tier };
  return {
    metadataOptions: {
      httpEndpoint: 'enabled',
      httpTokens: 'required',
      // 2 would reach into containers and pods, which then held the machine's rights.
      httpPutResponseHopLimit: 1,
    },
    blockDeviceMappings: [
      {
        deviceName: '/dev/xvda',
        ebs: { encrypted: 'true', volumeType: 'gp3', volumeSize: volumeGiB, deleteOnTermination: 'true' },
      },
    ],
    tagSpecifications: ['instance', 'volume'].map((resourceType) => ({ resourceType, tags })),
  } satisfies LaunchTemplateConfig;
}
