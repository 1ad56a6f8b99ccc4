/** What a whole environment costs in a month: its tiers, then what they share. */

import { instanceFor } from '../budget/budget.ts';
import { costTable, dollars } from './cost-table.ts';
import type { At, CostedEnvironment } from './costed-environment.ts';
import { type CostLine, totalUsd } from './lines.ts';
import { sharedMonthlyUsd } from './shared-cost.ts';
import { tierMonthlyUsd } from './tier-cost.ts';

export function environmentMonthlyUsd(environment: CostedEnvironment, at: At = 'max'): CostLine[] {
  const { aws, kubernetes, usage } = environment;
  return [
    ...Object.entries(environment.tiers).flatMap(([tier, placements]) =>
      placements.flatMap((placement) => tierMonthlyUsd(tier, placement, { aws, kubernetes, usage }, at)),
    ),
    ...sharedMonthlyUsd(environment, at),
    // Nobody may come.
    ...(at === 'max' ? (environment.models ?? []) : []),
  ];
}

/** The page that synth prints: every line at most replicas, the total at least and at most, why which instance. */
export function costSheet(environment: CostedEnvironment): string {
  const most = environmentMonthlyUsd(environment, 'max');
  const least = totalUsd(environmentMonthlyUsd(environment, 'min'));
  return [
    `${environment.name} in ${environment.aws.region}: $${dollars(least)} to $${dollars(totalUsd(most))} a month ` +
      '(730 hours, on demand, without tax and free tiers); all tiers at most replicas:',
    costTable(most),
    ...instanceChoices(environment),
  ].join('\n');
}

/** One line per placement on an instance: which was chosen for its budget, and why. */
export function instanceChoices({ tiers, aws }: CostedEnvironment): string[] {
  const { region, architecture } = aws;
  return Object.entries(tiers).flatMap(([tier, placements]) =>
    placements
      .filter(({ platform }) => platform === 'vm')
      .map((placement) => `${tier}: ${instanceFor(placement, region, { architecture }).reason}`),
  );
}
