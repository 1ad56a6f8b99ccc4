import type { Construct } from 'constructs';
import { memoryFullShare } from '../../services/metrics.ts';
import { type AlarmProps, alarm } from './alarm.ts';

export interface MemoryAlarmProps extends Pick<AlarmProps, 'namespace' | 'metric' | 'dimensions' | 'topicArn'> {
  /** @example 'bulkhead-dev-chat-ecs' */
  readonly name: string;
  /** What the metric reads when a replica's whole budget is used. @default 100, of percent */
  readonly full?: number;
}

/** On a replica's memory. One that grows without load is told by the tier's own alarm. */
export function memoryAlarm(scope: Construct, { name, full = 100, ...metric }: MemoryAlarmProps): void {
  alarm(scope, 'memory', {
    ...metric,
    name: `${name}-memory`,
    description: 'a replica is nearly out of memory; raise memoryMiB',
    statistic: 'Maximum',
    above: Math.floor(memoryFullShare * full),
  });
}
