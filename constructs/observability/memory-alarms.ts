import type { Construct } from 'constructs';
import { type AlarmProps, alarm } from './alarm.ts';

export interface MemoryAlarmsProps extends Pick<AlarmProps, 'namespace' | 'metric' | 'dimensions' | 'topicArn'> {
  /** @example 'bulkhead-dev-chat-ecs' */
  readonly name: string;
}

/** Percent of its memory that a replica may reach before a person looks: above it the next peak may kill it. */
const fullPercent = 90;

/** Percent that memory must fall below at least once in six hours: every tier has a quiet moment, a leak has none. */
const leakPercent = 75;

/** Two alarms on a replica's memory, in percent of its budget: nearly full, and never coming down. */
export function memoryAlarms(scope: Construct, { name, ...metric }: MemoryAlarmsProps): void {
  alarm(scope, 'memory', {
    ...metric,
    name: `${name}-memory`,
    description: 'a replica is nearly out of memory; raise memoryMiB',
    statistic: 'Maximum',
    above: fullPercent,
  });
  alarm(scope, 'leak', {
    ...metric,
    name: `${name}-leak`,
    description: 'memory has not come down for six hours: a leak, or a budget that is too small',
    statistic: 'Minimum',
    above: leakPercent,
    periods: 72,
  });
}
