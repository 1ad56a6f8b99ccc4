/** The measured constants: what one vCPU and one GiB of each tier carries, and of which CPU that is. */
import measured from '../measured.json' with { type: 'json' };

export type ConstantName = keyof typeof measured.constants;
export type Constants = Readonly<Record<ConstantName, { readonly value: number }>>;

export const measuredConstants: Constants = measured.constants;
export const measuredArchitecture = measured.architecture;
export const measuredCpu = measured.cpu;
/** Of a round of work that is the same everywhere, in a second of the CPU that the constants are of. Absent: not taken. */
export const measuredCalibration = (measured as { calibration?: number }).calibration;

/** Where the constants come from. */
export const source = `measured ${measured.measured} on ${measured.cpu}, ${measured.cores} cores, Node ${measured.node}`;

/** As on a CPU that does so much of what the measured one did; memory and storage do not change. */
export const onCpu = (factor: number, constants: Constants = measuredConstants): Constants =>
  Object.fromEntries(
    Object.entries(constants).map(([name, { value }]) => {
      if (name.endsWith('PerSecondPerVcpu')) return [name, { value: value * factor }];
      return [name, { value: /^(startSeconds|firstTokenSeconds|tidySeconds)/.test(name) ? value / factor : value }];
    }),
  ) as unknown as Constants;
