/** What an environment costs in an hour, and what a replica more or less of the tiers that scale. */
import { defaultHabits } from '../../environments/capacity/model.ts';
import { answerUsd } from '../../environments/capacity/model-cost.ts';
import type { HourlyUsd } from '../../environments/capacity/simulation/report.ts';
import { placementsOf } from '../../environments/environment.ts';
import { environmentMonthlyUsd } from '../../environments/pricing/environment-cost.ts';
import { hoursPerMonth, totalUsd } from '../../environments/pricing/lines.ts';
import type { Placement } from '../../environments/schema/placement.ts';
import type { Costed } from './sheet-of.ts';

export type Scaled = 'chat' | 'document-worker';

/** @param atMost Its replicas stand at most all the time. */
export function hourlyUsd({ environment, costed }: Costed, atMost: boolean): HourlyUsd {
  const placement = (tier: Scaled) => placementsOf(environment, tier)[0] as Placement;
  const at = (counts: Record<Scaled, number>) => {
    const fixed = Object.fromEntries(
      Object.entries(counts).map(([tier, count]) => [
        tier,
        [{ ...placement(tier as Scaled), replicas: { min: count, max: count } }],
      ]),
    );
    // Tokens are paid by the answer, and counted there.
    const lines = environmentMonthlyUsd({ ...costed, models: [], tiers: { ...costed.tiers, ...fixed } });
    return totalUsd(lines) / hoursPerMonth;
  };
  const count = (tier: Scaled) => placement(tier).replicas[atMost ? 'max' : 'min'];
  const counts = { chat: count('chat'), 'document-worker': count('document-worker') };
  const least = at(counts);
  return {
    least,
    perWorker: at({ ...counts, 'document-worker': counts['document-worker'] + 1 }) - least,
    perChat: at({ ...counts, chat: counts.chat + 1 }) - least,
    workers: counts['document-worker'],
    chats: counts.chat,
    perAnswer: answerUsd(environment, defaultHabits),
  };
}
