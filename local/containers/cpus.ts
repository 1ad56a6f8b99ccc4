/**
 * Which CPUs of a shared machine a tier may use. A CPU limit bounds a tier's average over 100 ms; within them its threads
 * may hold every CPU at once, and who answers briefly waits behind them. So tiers whose work lasts leave the first CPU
 * to the others, where the machine has enough of them. Pure.
 */

import { type Environment, placedServices, placementsOf } from '../../environments/environment.ts';
import { definitionOf } from '../../services/manifest.ts';

/**
 * CPUs for tiers whose workload is not 'interactive', as the kernel writes a set of them.
 *
 * @param cpus of the machine
 * @example sustainedCpus(bench, 2) // '1': their budgets sum up to one CPU
 */
export function sustainedCpus(environment: Environment, cpus: number): string {
  const vcpu = placedServices(environment)
    .filter((name) => definitionOf(name).workload !== 'interactive')
    .flatMap((name) => placementsOf(environment, name))
    .reduce((sum, placement) => sum + placement.vcpu * placement.replicas.min, 0);
  const first = vcpu <= cpus - 1 ? 1 : 0;
  return first === cpus - 1 ? String(first) : `${first}-${cpus - 1}`;
}
