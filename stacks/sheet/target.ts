/** `--target "200 people, ..."`: the cheapest environment that carries it, as a file that synthesizes. */
import { loadOf, peopleOf } from '../../environments/capacity/advice/people.ts';
import { environmentSource } from '../../environments/capacity/advice/source.ts';
import { cheapestTiers, instanceClasses } from '../../environments/capacity/advice/target.ts';
import { type Carried, defaultHabits } from '../../environments/capacity/model.ts';
import { type EnvironmentInput, resolveEnvironment } from '../../environments/environment.ts';
import { loadEnvironment } from '../../environments/index.ts';
import { environmentMonthlyUsd } from '../../environments/pricing/environment-cost.ts';
import { totalUsd } from '../../environments/pricing/lines.ts';
import type { Placement } from '../../environments/schema/placement.ts';
import { checkedCostSheet } from '../cost.ts';
import { readImages } from '../images/digests.ts';
import { onAws } from '../on-aws.ts';
import { costedByName, costedOf } from './costed.ts';
import type { Costed } from './sheet-of.ts';

export interface Targeted {
  readonly load: Carried;
  readonly input: EnvironmentInput;
  readonly source: string;
  readonly costed: Costed;
}

const name = 'target';

/**
 * @param base The environment whose stores, region and models it keeps, and below whose memory no tier goes.
 * @throws Error where it cannot be carried; also where what was found does not synthesize, which is a fault of this program
 */
export async function targeted(text: string, base: string): Promise<Targeted> {
  const load = loadOf(peopleOf(text), defaultHabits);
  const { environment, costed } = await costedByName(base);
  const { tiers } = cheapestTiers(environment, costed, load);
  const given = await loadEnvironment(base);
  if (!given.aws) throw new Error(`environment '${base}' is not on AWS`);
  const withClass = (instanceClass: string | undefined): EnvironmentInput => ({
    ...given,
    name,
    tiers: Object.fromEntries(
      Object.entries(tiers).map(([tier, [placement]]) => [tier, written(placement as Placement)]),
    ) as EnvironmentInput['tiers'],
    carries: { ...load },
    aws: {
      ...(given.aws as NonNullable<EnvironmentInput['aws']>),
      ...(instanceClass && { postgres: { ...given.aws?.postgres, instanceClass } }),
      // Until it is known.
      monthlyCeilingUsd: 1e6,
    },
  });
  const [unlimited, found] = fitting([undefined, ...instanceClasses(environment.aws.region)].map(withClass));
  const monthlyUsd = totalUsd(environmentMonthlyUsd(found.costed));
  const input = {
    ...unlimited,
    aws: {
      ...(unlimited.aws as NonNullable<EnvironmentInput['aws']>),
      monthlyCeilingUsd: Math.ceil(monthlyUsd / 10) * 10,
    },
  };
  const whole = costedOf(onAws(resolveEnvironment(input)), readImages(base));
  checkedCostSheet(whole.environment, [], whole.costed);
  return { load, input, source: environmentSource(input), costed: whole };

  /** The first whose database takes the connections of all replicas. */
  function fitting(candidates: readonly EnvironmentInput[]): [EnvironmentInput, Costed] {
    let fault: unknown;
    for (const candidate of candidates)
      try {
        return [candidate, costedOf(onAws(resolveEnvironment(candidate)), readImages(base))];
      } catch (error) {
        fault = error;
      }
    throw fault;
  }
}

/** As a person writes it: options beside the rest, and nothing that is the default. */
function written({ options, replicas, weight: _, spotPercent: __, ...rest }: Placement) {
  return { ...rest, ...(replicas.max > 1 && { replicas: replicas.max }), ...options };
}
