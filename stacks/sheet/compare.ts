/** `npm run synth -- dev --compare`: what an environment would cost on each platform. Writes nothing. */
import { placeholderAmi } from '../../constructs/tier/placeholder.ts';
import { budgetOf, coveringFargateSize } from '../../environments/budget/budget.ts';
import { type EnvironmentInput, resolveEnvironment } from '../../environments/environment.ts';
import { environmentMonthlyUsd } from '../../environments/pricing/environment-cost.ts';
import { type PlatformColumn, type PlatformFault, sideBySide } from '../../environments/pricing/side-by-side.ts';
import type { BasePlacementInput } from '../../environments/schema/placement.ts';
import type { Images } from '../images/digests.ts';
import { onAws } from '../on-aws.ts';
import { costedOf } from './costed.ts';
import { targets } from './swap.ts';

type Compared = (typeof targets)[number];

/** Every tier on one platform with the budget that it has; in the environment's cluster, or one of its own. */
export function onPlatform(input: EnvironmentInput, platform: Compared): { input: EnvironmentInput; notes: string[] } {
  const { aws, kubernetes } = input;
  const notes: string[] = [];
  const moved = (tier: string, { spotPercent, weight: _, ...place }: BasePlacementInput): BasePlacementInput => {
    if (platform !== 'ecs') return { ...place, platform };
    const { vcpu, memoryMiB } = place;
    const size = coveringFargateSize(place);
    // A task has sizes; the next larger one is what the tier would pay for.
    const budget = size ? budgetOf(size) : { vcpu, memoryMiB };
    if (budget.vcpu !== vcpu || budget.memoryMiB !== memoryMiB)
      notes.push(`${tier} has vcpu ${budget.vcpu}, memoryMiB ${budget.memoryMiB}: no task has ${vcpu}, ${memoryMiB}`);
    return { ...place, ...budget, platform, ...(spotPercent !== undefined && { spotPercent }) };
  };
  const tiers = Object.entries(input.tiers as Readonly<Record<string, Places>>).map(([tier, places = []]) => {
    // While a swap is under way: where most of its requests go.
    const [first] = [places].flat().toSorted((a, b) => (b.weight ?? 100) - (a.weight ?? 100));
    return [tier, first && moved(tier, first)];
  });
  const onIt: EnvironmentInput = {
    ...input,
    tiers: Object.fromEntries(tiers),
    ...(aws && { aws: { ...aws, ami: aws.ami ?? placeholderAmi } }),
    kubernetes: platform === 'kubernetes' ? (kubernetes ?? { cluster: 'make', apiCidrs: [] }) : undefined,
  };
  return { input: onIt, notes };
}

type Places = BasePlacementInput | readonly BasePlacementInput[] | undefined;

function column(name: string, input: EnvironmentInput, images: Images): PlatformColumn | PlatformFault {
  try {
    const { costed } = costedOf(onAws(resolveEnvironment(input)), images);
    return { name, lines: { min: environmentMonthlyUsd(costed, 'min'), max: environmentMonthlyUsd(costed, 'max') } };
  } catch (error) {
    return { name, fault: (error as Error).message };
  }
}

/** As it is written, and with every tier on each platform. */
export const platformComparison = (input: EnvironmentInput, images: Images): string =>
  sideBySide(input.name, [
    column('as written', input, images),
    ...targets.map((platform) => {
      const { input: there, notes } = onPlatform(input, platform);
      return { ...column(platform, there, images), notes };
    }),
  ]);
