import { Construct } from 'constructs';
import { alarm } from './alarm.ts';

export interface StoreAlarmsProps {
  /** Identifier of the database and of the Redis group. */
  readonly prefix: string;
  /** Which of them are made here: others watch what is theirs. */
  readonly postgres: boolean;
  readonly redis: boolean;
  readonly storageGiB: number;
  /** @example 'db.t4g.micro' */
  readonly instanceClass: string;
  readonly topicArn: string;
}

/** What a person must hear of before a store stops taking writes. */
export function storeAlarms(
  scope: Construct,
  { prefix, storageGiB, instanceClass, topicArn, postgres, redis }: StoreAlarmsProps,
): void {
  const at = new Construct(scope, 'store-alarms');
  const database = { DBInstanceIdentifier: prefix };
  const more = Math.ceil(storageGiB * 1.5);
  if (postgres) {
    alarm(at, 'postgres-storage', {
      name: `${prefix}-postgres-storage`,
      // A deploy alone would wait for the maintenance window, up to a week.
      description: `PostgreSQL has less than a fifth of its storage left: set aws.postgres.storageGiB to ${more}, then at once: aws rds modify-db-instance --db-instance-identifier ${prefix} --allocated-storage ${more} --apply-immediately`,
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
    // RDS knows no `standard` credits: a burstable class that is busy for long is billed beside its price.
    if (/^db\.t\d/.test(instanceClass))
      alarm(at, 'postgres-surplus-credits', {
        name: `${prefix}-postgres-surplus-credits`,
        description: `PostgreSQL uses more CPU than ${instanceClass} pays for, at $0.075 per vCPU-hour; raise aws.postgres.instanceClass`,
        namespace: 'AWS/RDS',
        metric: 'CPUSurplusCreditsCharged',
        dimensions: database,
        statistic: 'Maximum',
        above: 0,
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
