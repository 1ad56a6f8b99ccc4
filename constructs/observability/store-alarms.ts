import { Construct } from 'constructs';
import { alarm } from './alarm.ts';

export interface StoreAlarmsProps {
  /** Identifier of the database and of the Redis group. */
  readonly prefix: string;
  /** Which of them are made here: others watch what is theirs. @default true */
  readonly postgres?: boolean;
  readonly redis?: boolean;
  readonly storageGiB: number;
  readonly topicArn: string;
}

/** What a person must hear of before a store stops taking writes. */
export function storeAlarms(
  scope: Construct,
  { prefix, storageGiB, topicArn, postgres = true, redis = true }: StoreAlarmsProps,
): void {
  const at = new Construct(scope, 'store-alarms');
  const database = { DBInstanceIdentifier: prefix };
  if (postgres) {
    alarm(at, 'postgres-storage', {
      name: `${prefix}-postgres-storage`,
      description: 'PostgreSQL has less than a fifth of its storage left; raise aws.postgres.storageGiB',
      namespace: 'AWS/RDS',
      metric: 'FreeStorageSpace',
      dimensions: database,
      statistic: 'Minimum',
      below: (storageGiB * 1024 ** 3) / 5,
      topicArn,
    });
    alarm(at, 'postgres-cpu', {
      name: `${prefix}-postgres-cpu`,
      description: 'PostgreSQL is busy; look at its slow queries, or raise aws.postgres.instanceClass',
      namespace: 'AWS/RDS',
      metric: 'CPUUtilization',
      dimensions: database,
      statistic: 'Average',
      above: 80,
      topicArn,
    });
  }
  if (redis)
    alarm(at, 'redis-memory', {
      name: `${prefix}-redis-memory`,
      description: 'Redis is nearly full; raise aws.redis.nodeType',
      namespace: 'AWS/ElastiCache',
      metric: 'DatabaseMemoryUsagePercentage',
      // ElastiCache names the nodes of a group by number.
      dimensions: { CacheClusterId: `${prefix}-001` },
      statistic: 'Maximum',
      above: 80,
      topicArn,
    });
}
