/** `npm run calibrate`: how fast this machine's CPU is beside the one that the constants are of. */
import { measuredCalibration, measuredCpu } from '../../../environments/capacity/model.ts';
import { cpuModel, roundsPerSecond } from '../../../services/api/operations/cpu-speed.ts';

/** @param own rounds of this machine. @param measured of the one that the constants are of */
export function calibrationText(own: number, measured: number | undefined, cpu: string): string {
  const here = `${cpu}: ${own.toFixed(0)} rounds in a second of CPU`;
  if (measured === undefined)
    return `${here}. The constants (${measuredCpu}) have none beside them: npm run bench -- constants measures both.`;
  return `${here}, ${measuredCpu} did ${measured.toFixed(0)}: npm run sheet -- prod --cpu-factor ${(own / measured).toFixed(2)}`;
}

if (import.meta.main) console.log(calibrationText(await roundsPerSecond(60), measuredCalibration, cpuModel()));
