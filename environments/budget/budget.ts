/**
 * What a tier's budget becomes on each platform: the exact Fargate size, the instance, the Kubernetes resources.
 * Pure arithmetic over plain numbers; every function throws with what was given, what is allowed and the nearest choice.
 */

import { checkRegion, isPriced, price } from '../pricing/prices/prices.ts';
import { fargateSizes } from './fargate-sizes.ts';
import {
  type Architecture,
  architectures,
  guaranteedVcpu,
  type InstanceType,
  instanceTypes,
} from './instance-types.ts';

/** The fixed resources of one replica. */
export interface Budget {
  readonly vcpu: number;
  readonly memoryMiB: number;
}

export interface FargateSize {
  /** 1024 units are one vCPU. */
  readonly cpuUnits: number;
  readonly memoryMiB: number;
}

export const budgetOf = ({ cpuUnits, memoryMiB }: FargateSize): Budget => ({ vcpu: cpuUnits / 1024, memoryMiB });

/** @throws Error when the pair is not in {@link fargateSizes}: given, allowed, the smallest size that covers it. */
export function fargateSize(budget: Budget): FargateSize {
  const { vcpu, memoryMiB } = plainBudget(budget);
  const cpuUnits = vcpu * 1024;
  const allowed = fargateSizes.get(cpuUnits);
  if (allowed?.includes(memoryMiB)) return { cpuUnits, memoryMiB };
  const nearest = coveringFargateSize(budget) ?? largest;
  throw new Error(
    `no Fargate task has ${text(budget)}; allowed: ${
      allowed
        ? `with vcpu ${vcpu} memoryMiB ${allowed.join(', ')}`
        : `vcpu ${[...fargateSizes.keys()].map((units) => units / 1024).join(', ')}`
    }; nearest: ${text(budgetOf(nearest))}`,
  );
}

/** Every size of a Fargate task, by CPU and then memory. */
export const allFargateSizes: readonly FargateSize[] = [...fargateSizes].flatMap(([cpuUnits, memory]) =>
  memory.map((memoryMiB) => ({ cpuUnits, memoryMiB })),
);

/** The smallest task that holds a budget, by CPU and then memory. */
export const coveringFargateSize = ({ vcpu, memoryMiB }: Budget): FargateSize | undefined =>
  allFargateSizes.find((size) => size.cpuUnits >= vcpu * 1024 && size.memoryMiB >= memoryMiB);
const largest = allFargateSizes[allFargateSizes.length - 1] as FargateSize;

export interface ChosenInstance {
  readonly instanceType: string;
  readonly vcpu: number;
  /** What `cpu_credits = standard` sustains for ever; the budget fits into this. */
  readonly guaranteedVcpu: number;
  readonly memoryMiB: number;
  /** Memory that the budget may not use; see {@link systemReserveMiB}. */
  readonly reserveMiB: number;
  readonly architecture: Architecture;
  /** One line for people: why this one. */
  readonly reason: string;
}

/**
 * The cheapest instance of a region that one replica fits on: memory plus the system's reserve, CPU without a reserve
 * (containers get shares; the system's moments of work are not subtracted), only guaranteed CPU counts.
 *
 * @param options.architecture Where images exist for one only. Absent: the cheaper of both.
 * @throws Error when none fits: given, the largest available, the nearest choice.
 */
export function instanceFor(
  budget: Budget,
  region: string,
  options: { readonly architecture?: Architecture | undefined } = {},
): ChosenInstance {
  plainBudget(budget);
  const offered = instancesIn(region, options.architecture);
  const found = offered.find((type) => fits(budget, type));
  if (found) return chosen(found, region, budget);
  const [most] = offered.toSorted((a, b) => b.memoryMiB - a.memoryMiB || b.vcpu - a.vcpu);
  if (!most)
    throw new Error(`no instance type has a price in ${region}; add rows to environments/pricing/${region}.ts`);
  const capacity = capacityOf(most);
  const nearest = {
    vcpu: Math.min(budget.vcpu, capacity.vcpu),
    memoryMiB: Math.min(budget.memoryMiB, capacity.memoryMiB),
  };
  throw new Error(
    `no instance in ${region} carries ${text(budget)}; the largest, ${most.name}, leaves a tier ${text(capacity)}; ` +
      `nearest: ${text(nearest)} and more replicas`,
  );
}

/**
 * Memory kept from the tier: 1/16 of the nominal size, which firmware and the kernel's own tables take before the
 * first process starts (a nominal 4 GiB shows about 3.75), and 384 MiB for systemd, the container runtime, the log and
 * metric agent and the Systems Manager agent. An estimate with some slack: a tier that is killed because the *system*
 * ran out would break the promise of a fixed budget.
 */
export const systemReserveMiB = (nominalMiB: number): number => Math.ceil(nominalMiB / 16) + 384;

/** What a tier may use of an instance. */
export const capacityOf = (type: InstanceType): Budget => ({
  vcpu: guaranteedVcpu(type),
  memoryMiB: type.memoryMiB - systemReserveMiB(type.memoryMiB),
});

/** Instance types with a price in the region, the cheapest first; of equals, the one with more to give. */
export function instancesIn(region: string, architecture?: Architecture): readonly InstanceType[] {
  if (architecture && !architectures.includes(architecture))
    throw new Error(`given architecture '${architecture}'; allowed: ${architectures.join(', ')}`);
  checkRegion(region);
  const hourly = (type: InstanceType) => price(`ec2/${type.name}`, region).amountUsd;
  return instanceTypes
    .filter((type) => isPriced(`ec2/${type.name}`, region) && (!architecture || type.architecture === architecture))
    .toSorted((a, b) => hourly(a) - hourly(b) || b.memoryMiB - a.memoryMiB || guaranteedVcpu(b) - guaranteedVcpu(a));
}

export interface ContainerBudget extends Budget {
  readonly name: string;
}

/** @throws Error with the sums when the containers of a task or pod need more than it has. */
export function checkContainers(task: Budget, containers: readonly ContainerBudget[]): void {
  plainBudget(task, 'task');
  for (const container of containers) plainBudget(container, container.name);
  for (const resource of ['vcpu', 'memoryMiB'] as const) checkSum(task, containers, resource);
}

function checkSum(task: Budget, containers: readonly ContainerBudget[], resource: 'vcpu' | 'memoryMiB'): void {
  // 0.1 + 0.2 must be 0.3.
  const round = (value: number) => Math.round(value * 1e6) / 1e6;
  const sum = round(containers.reduce((total, container) => total + container[resource], 0));
  if (sum <= task[resource]) return;
  const terms = containers.map((container) => `${container[resource]} (${container.name})`).join(' + ');
  throw new Error(
    `containers need ${resource} ${terms} = ${sum}, the task has ${task[resource]}; ` +
      `raise the task to at least ${sum} or lower its containers by ${round(sum - task[resource])}`,
  );
}

/** Requests and limits of a container, equal for both, so that the pod is of the Guaranteed class. */
export function kubernetesResources(budget: Budget): { cpu: string; memory: string } {
  const { vcpu, memoryMiB } = plainBudget(budget);
  const milli = Math.round(vcpu * 1000);
  // Kubernetes refuses less than a thousandth, and rounds what is finer up.
  if (milli < 1 || Math.abs(milli - vcpu * 1000) > 1e-9)
    throw new Error(
      `given vcpu ${vcpu}; allowed on Kubernetes: whole thousandths; nearest: ${Math.max(milli, 1) / 1000}`,
    );
  return { cpu: `${milli}m`, memory: `${memoryMiB}Mi` };
}

/**
 * Refuses what is not a plain positive number, in words.
 *
 * @throws Error for NaN, infinities, zero, negatives, fractions of a MiB, and cdktf's number tokens, which are doubles
 * near -1.9e289 whose arithmetic is silently wrong.
 */
export function plainBudget(budget: Budget, name = 'budget'): Budget {
  for (const resource of ['vcpu', 'memoryMiB'] as const) {
    const value = budget[resource];
    const where = `${name}.${resource}`;
    if (typeof value === 'number' && value < -1e200)
      throw new Error(
        `${where} is a token that only Terraform can resolve; write a plain number: budgets are computed with`,
      );
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0)
      throw new Error(`given ${where} ${String(value)}; allowed: a finite number above 0`);
  }
  if (!Number.isInteger(budget.memoryMiB))
    throw new Error(
      `given ${name}.memoryMiB ${budget.memoryMiB}; allowed: whole MiB; nearest: ${Math.ceil(budget.memoryMiB)}`,
    );
  return budget;
}

function fits(budget: Budget, type: InstanceType): boolean {
  const capacity = capacityOf(type);
  return budget.vcpu <= capacity.vcpu && budget.memoryMiB <= capacity.memoryMiB;
}

function chosen(type: InstanceType, region: string, budget: Budget): ChosenInstance {
  const reserveMiB = systemReserveMiB(type.memoryMiB);
  const guaranteed = guaranteedVcpu(type);
  const share = type.baselineShare < 1 ? ` (${type.vcpu} x ${type.baselineShare * 100} % baseline)` : '';
  return {
    instanceType: type.name,
    vcpu: type.vcpu,
    guaranteedVcpu: guaranteed,
    memoryMiB: type.memoryMiB,
    reserveMiB,
    architecture: type.architecture,
    reason:
      `cheapest in ${region} for ${text(budget)}: ${type.name} guarantees ${guaranteed} vCPU${share} and leaves ` +
      `${type.memoryMiB - reserveMiB} of ${type.memoryMiB} MiB after the system's ${reserveMiB}; ` +
      `$${price(`ec2/${type.name}`, region).amountUsd} an hour`,
  };
}

const text = ({ vcpu, memoryMiB }: Budget): string => `vcpu ${vcpu}, memoryMiB ${memoryMiB}`;
