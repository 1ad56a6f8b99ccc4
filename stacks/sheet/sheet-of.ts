/** The sheet of an environment whose cost is known. */
import { firstAlarms } from '../../environments/capacity/advice/first-alarms.ts';
import { nextPurchases } from '../../environments/capacity/advice/next-dollars.ts';
import { capacityOf, carriedOf, defaultHabits, fullest, onCpu } from '../../environments/capacity/model.ts';
import { answerUsd } from '../../environments/capacity/model-cost.ts';
import { otherCpuShare, type Sheet } from '../../environments/capacity/sheet.ts';
import type { At, CostedEnvironment } from '../../environments/pricing/costed-environment.ts';
import { environmentMonthlyUsd } from '../../environments/pricing/environment-cost.ts';
import { partTotals, totalUsd } from '../../environments/pricing/lines.ts';
import type { AwsEnvironment } from '../base-stack.ts';

export interface Costed {
  readonly environment: AwsEnvironment;
  readonly costed: CostedEnvironment;
}

/** @param cpuFactor What its CPUs do of what the measured one did. */
export function sheetOf(name: string, { environment, costed }: Costed, cpuFactor = 1): Sheet {
  const constants = onCpu(cpuFactor);
  const at = (which: At) => capacityOf(environment, which, defaultHabits, constants);
  const capacity = { min: at('min'), max: at('max') };
  const most = environmentMonthlyUsd(costed, 'max');
  const ownUsd = (which: At) => totalUsd(environmentMonthlyUsd({ ...costed, models: [] }, which));
  const answer = answerUsd(environment, defaultHabits);
  const [first] = fullest(capacity.max, environment.carries ?? {});
  return {
    name,
    promised: first ? `${first.part}, ${(100 * first.share).toFixed(0)} %` : 'no promise',
    architecture: environment.aws.architecture,
    cpuFactor,
    slower: carriedOf(environment, 'max', defaultHabits, onCpu(cpuFactor * otherCpuShare)),
    capacity,
    monthlyUsd: { min: totalUsd(environmentMonthlyUsd(costed, 'min')), max: totalUsd(most) },
    ownUsd: { min: ownUsd('min'), max: ownUsd('max') },
    parts: partTotals(most),
    modelUsdPer1000: answer === undefined ? undefined : answer * 1000,
    purchases: nextPurchases(environment, costed, constants),
    alarms: firstAlarms(environment, constants),
  };
}
