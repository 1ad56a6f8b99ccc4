/** Which alarms of the services fire before, at and after what is carried, as load grows. */
import type { MetricAlarm } from '../../../services/definition.ts';
import { definitionOf } from '../../../services/manifest.ts';
import { metricNames } from '../../../services/metrics.ts';
import { type Environment, placedServices, placementsOf } from '../../environment.ts';
import { boundOf } from '../../schema/bound.ts';
import type { Placement } from '../../schema/placement.ts';
import { type Carried, type Constants, carriedOf, defaultHabits } from '../model.ts';

export interface FirstAlarm {
  /** @example 'chat: slots' */
  readonly alarm: string;
  readonly bounds: keyof Carried;
  /** Of what is carried, the load at which it fires: above 1 people notice first. */
  readonly share: number;
  readonly when: string;
}

/** A queue of pages grows only above what is carried: a tenth above, as an example. */
const overload = 1.1;

/** Of an alarm: constructs/observability/alarm.ts. */
const periodMinutes = 5;

/** Those whose metric the model computes, the first one first. */
export function firstAlarms(environment: Environment, constants?: Constants): readonly FirstAlarm[] {
  const carried = carriedOf(environment, 'max', defaultHabits, constants);
  return placedServices(environment)
    .flatMap((service) =>
      (definitionOf(service).alarms ?? []).flatMap((alarm) => {
        const [placement] = placementsOf(environment, service);
        const first =
          placement && firstOf(alarm, boundOf(alarm.above, definitionOf(service), placement), placement, carried);
        return first ? [{ alarm: `${service}: ${alarm.id}`, ...first }] : [];
      }),
    )
    .toSorted((a, b) => a.share - b.share);
}

function firstOf(
  { metric, periods = 3 }: MetricAlarm,
  above: number,
  { replicas }: Placement,
  carried: Carried,
): Omit<FirstAlarm, 'alarm'> | undefined {
  if (metric === metricNames.slotsInUse) {
    const inUse = above * replicas.max;
    return {
      bounds: 'concurrentChats',
      share: inUse / carried.concurrentChats,
      when: `${Math.floor(inUse)} answers at once`,
    };
  }
  if (metric !== metricNames.pagesGrantedAndWaiting) return undefined;
  const minutes = above / ((overload - 1) * carried.pagesPerMinute) + periods * periodMinutes;
  return {
    bounds: 'pagesPerMinute',
    share: overload,
    when: `after ${Math.ceil(minutes)} min with ${Math.floor(overload * carried.pagesPerMinute)} pages a minute`,
  };
}
