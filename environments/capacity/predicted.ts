/** The sheet's figures as the running service is told them (setting PREDICTED_CAPACITY), to stand beside what it measures. */
import type { Environment } from '../environment.ts';
import type { Placement } from '../schema/placement.ts';
import { capacityOf, defaultHabits, measuredCalibration, measuredCpu, source } from './model.ts';

export function predictedCapacity(given: Environment): string {
  // While a tier moves it has two placements: what is predicted is what it then has, and a swap changes no other tier.
  const tiers = Object.fromEntries(
    Object.entries(given.tiers).flatMap(([name, places]) => (places?.[0] ? [[name, [places[0]]]] : [])),
  );
  const environment = { ...given, tiers } as Environment;
  const { carried, lightWait } = capacityOf(environment);
  return JSON.stringify({
    source,
    cpu: measuredCpu,
    cpu_rounds_per_second: measuredCalibration ?? null,
    pages_per_minute: rounded(carried.pagesPerMinute),
    chats_at_once: rounded(carried.concurrentChats),
    chats_per_minute: rounded(carried.chatsPerMinute),
    api_requests_per_second: rounded(carried.apiRequestsPerSecond),
    light_wait_p95_seconds: rounded(lightWait.p95Seconds),
    answer_seconds: defaultHabits.answerSeconds,
    monthly_ceiling_usd: environment.aws?.monthlyCeilingUsd ?? null,
    tiers: Object.fromEntries(
      Object.entries(environment.tiers).map(([name, places]) => {
        const place = places[0] as Placement;
        return [name, { replicas: place.replicas, vcpu: place.vcpu, memory_mib: place.memoryMiB }];
      }),
    ),
  });
}

/** A prediction is no more exact, and a small change of a constant is no new deployment. */
const rounded = (value: number) => Number(value.toPrecision(2));
