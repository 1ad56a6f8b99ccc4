/** Constants as they are measured, told at one speed of the CPU. */
import { onCpu } from '../../../environments/capacity/model.ts';
import { withRounds } from './calibrate.ts';

export interface Constant {
  readonly value: number;
  readonly unit: string;
  readonly how: string;
}
export type Measured = Readonly<Record<string, Constant>>;

export class Recorder {
  readonly constants: Record<string, Constant> = {};
  readonly #rounds: number[] = [];
  /** Rounds a second of CPU that all is told at. */
  readonly calibration: number;

  constructor(calibration: number) {
    this.calibration = calibration;
  }

  /** What was measured by a CPU of now, as one of the calibration would do it. */
  async atSpeed(measure: () => Promise<Measured>): Promise<Measured> {
    const { result, rounds } = await withRounds(measure);
    this.#rounds.push(rounds);
    return toSpeed(result, this.calibration / rounds);
  }

  readonly put = (measured: Measured): void => {
    Object.assign(this.constants, measured);
    if (process.env.BENCH_PROGRESS) console.error(JSON.stringify(measured));
  };

  /** How much the CPU's speed changed meanwhile: the most by the least. */
  get spread(): number {
    return Math.max(...this.#rounds) / Math.min(...this.#rounds);
  }
}

/** Rates grow with the CPU, times shrink, memory stays: as the model says. */
export function toSpeed(measured: Measured, factor: number): Measured {
  const scaled = onCpu(factor, measured as never) as unknown as Readonly<Record<string, { value: number }>>;
  return Object.fromEntries(
    Object.entries(measured).map(([name, constant]) => [name, { ...constant, value: scaled[name]?.value as number }]),
  );
}
