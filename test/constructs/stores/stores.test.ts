/** What becomes of a store that fills, ages or is raised to another version. */
import { expect, test } from '@jest/globals';
import { sample } from '../../environments/sample.ts';
import { one, synthesized } from '../../stacks/synthesized.ts';

const { foundation } = synthesized(sample({ aws: { postgres: { storageGiB: 50 } } }));

test('the alarm on PostgreSQL’s storage says what enlarges this database at once', () => {
  const { alarm_description } = one(foundation, 'aws_cloudwatch_metric_alarm', 'store-alarms_postgres-storage');
  const { identifier, apply_immediately } = one(foundation, 'aws_db_instance');
  expect(apply_immediately).toBe(false);
  expect(alarm_description).toContain(
    `set aws.postgres.storageGiB to 75, then at once: aws rds modify-db-instance --db-instance-identifier ${identifier} --allocated-storage 75 --apply-immediately`,
  );
});

test('PostgreSQL’s major version can be raised', () => {
  expect(one(foundation, 'aws_db_instance')).toMatchObject({ engine_version: '18', allow_major_version_upgrade: true });
});

test('Redis that is full refuses writes and drops nothing', () => {
  const { name, ...parameters } = one(foundation, 'aws_elasticache_parameter_group');
  expect(parameters).toEqual({ family: 'valkey8', parameter: [{ name: 'maxmemory-policy', value: 'noeviction' }] });
  expect(one(foundation, 'aws_elasticache_replication_group')).toMatchObject({
    engine: 'valkey',
    engine_version: '8.0',
    parameter_group_name: expect.stringContaining('aws_elasticache_parameter_group.redis_parameters'),
  });
  expect(name).toBe('bulkhead-test');
});

test('a deleted document leaves no marker behind', () => {
  expect(one(foundation, 'aws_s3_bucket_lifecycle_configuration', 'documents')).toMatchObject({
    rule: [{ expiration: [{ expired_object_delete_marker: true }] }],
  });
});
