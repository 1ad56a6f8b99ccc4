/**
 * EC2 shapes that a VM tier may be placed on. Prices are apart, in `pricing/`: a type counts in a region only where it
 * has a price there.
 *
 * Sources: https://docs.aws.amazon.com/ec2/latest/instancetypes/gp.html (shapes, general purpose; co.html and mo.html
 * for the others), https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-credits-baseline-concepts.html
 * (baseline utilization per vCPU).
 */

export const architectures = ['x86_64', 'arm64'] as const;
export type Architecture = (typeof architectures)[number];

export interface InstanceType {
  readonly name: string;
  readonly vcpu: number;
  readonly memoryMiB: number;
  /** Share of each vCPU that `cpu_credits = standard` sustains for ever; 1 for types that do not burst. */
  readonly baselineShare: number;
  readonly architecture: Architecture;
}

type Size = readonly [size: string, vcpu: number, memoryGiB: number, baselinePercent?: number];

// The nano sizes are left out: 512 MiB is less than the system and its agents need.
const burstable: readonly Size[] = [
  ['micro', 2, 1, 10],
  ['small', 2, 2, 20],
  ['medium', 2, 4, 20],
  ['large', 2, 8, 30],
  ['xlarge', 4, 16, 40],
  ['2xlarge', 8, 32, 40],
];

export const instanceTypes: readonly InstanceType[] = [
  ...family('t4g', 'arm64', burstable),
  ...family('t3', 'x86_64', burstable),
  ...family('c7g', 'arm64', sizes(2, ['medium', 'large', 'xlarge', '2xlarge', '4xlarge'])),
  ...family('m7g', 'arm64', sizes(4, ['medium', 'large', 'xlarge', '2xlarge', '4xlarge'])),
  ...family('r7g', 'arm64', sizes(8, ['medium', 'large', 'xlarge', '2xlarge', '4xlarge'])),
  ...family('m7i', 'x86_64', sizes(4, ['large', 'xlarge', '2xlarge', '4xlarge'])),
  ...family('m6i', 'x86_64', sizes(4, ['large', 'xlarge', '2xlarge', '4xlarge'])),
];

/** vCPUs that an instance gives all month, whatever its neighbours and its past do. */
export const guaranteedVcpu = ({ vcpu, baselineShare }: InstanceType): number => vcpu * baselineShare;

function sizes(gibPerVcpu: number, names: readonly string[]): Size[] {
  const vcpu: Record<string, number> = { medium: 1, large: 2, xlarge: 4, '2xlarge': 8, '4xlarge': 16 };
  return names.map((name) => [name, vcpu[name] ?? Number.NaN, (vcpu[name] ?? Number.NaN) * gibPerVcpu]);
}

function family(name: string, architecture: Architecture, members: readonly Size[]): InstanceType[] {
  return members.map(([size, vcpu, memoryGiB, baselinePercent = 100]) => ({
    name: `${name}.${size}`,
    vcpu,
    memoryMiB: memoryGiB * 1024,
    baselineShare: baselinePercent / 100,
    architecture,
  }));
}
