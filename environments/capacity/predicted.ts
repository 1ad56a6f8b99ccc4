/** The sheet's figures as the running service is told them (setting PREDICTED_CAPACITY), to stand beside what it measures. */
import type { Environment } from '../environment.ts';
import type { Placement } from '../schema/placement.ts';
import {
  type Carried,
  capacityOf,
  defaultHabits,
  measuredCalibration,
  measuredConstants,
  measuredCpu,
  onCpu,
  source,
} from './model.ts';
import { limitsOf } from './parts/limits.ts';

export function predictedCapacity(given: Environment): string {
  // While a tier moves it has two placements: what is predicted is what it then has, and a swap changes no other tier.
  const tiers = Object.fromEntries(
    Object.entries(given.tiers).flatMap(([name, places]) => (places?.[0] ? [[name, [places[0]]]] : [])),
  );
  const environment = { ...given, tiers } as Environment;
  const { lightWait } = capacityOf(environment);
  const limits = limitsByCpu(environment);
  return JSON.stringify({
    source,
    cpu: measuredCpu,
    cpu_rounds_per_second: measuredCalibration ?? null,
    pages_per_minute: limits('pagesPerMinute'),
    embedded_pages_per_minute: limits('embeddedPagesPerMinute'),
    chats_at_once: limits('concurrentChats'),
    chats_per_minute: limits('chatsPerMinute'),
    api_requests_per_second: limits('apiRequestsPerSecond'),
    refused_share: defaultHabits.refusedMax,
    first_token_seconds: {
      p50: rounded(measuredConstants['firstTokenSeconds p50'].value),
      p95: rounded(measuredConstants['firstTokenSeconds p95'].value),
    },
    light_wait_p95_seconds: rounded(lightWait.p95Seconds),
    answer_seconds: defaultHabits.answerSeconds,
    errors_per_minute: rounded(measuredConstants.errorLinesPerMinute.value),
    monthly_ceiling_usd: environment.aws?.monthlyCeilingUsd ?? null,
    tiers: Object.fromEntries(
      Object.entries(environment.tiers).map(([name, places]) => {
        const place = places[0] as Placement;
        return [name, { replicas: place.replicas, vcpu: place.vcpu, memory_mib: place.memoryMiB }];
      }),
    ),
  });
}

/** The least of what changes with the CPU, and of what does not: the service knows the CPU that it runs on. */
function limitsByCpu(environment: Environment) {
  const limitsWith = (factor: number) => limitsOf(environment, 'max', defaultHabits, onCpu(factor));
  const [limits, twice] = [limitsWith(1), limitsWith(2)];
  return (kind: keyof Carried) => {
    const least = (byCpu: boolean) => {
      const values = limits.flatMap(({ bounds, value }, index) =>
        bounds === kind && (twice[index]?.value !== value) === byCpu ? [value] : [],
      );
      return values.length > 0 ? rounded(Math.min(...values)) : null;
    };
    return { by_cpu: least(true), other: least(false) };
  };
}

/** A prediction is no more exact, and a small change of a constant is no new deployment. */
const rounded = (value: number) => Number(value.toPrecision(2));
