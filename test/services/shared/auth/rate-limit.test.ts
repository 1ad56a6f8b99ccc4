import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { createLimit, networkOf } from '../../../../services/shared/auth/rate-limit.ts';
import { startServices, type TestServices } from '../../../support/stores.ts';

describe('whom an address stands for', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:aaaa::1', '2001:db8:1:2:0:0:0:0/64'],
    ['2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1:2:0:0:0:0/64'],
    ['2001:db8:1:3::1', '2001:db8:1:3:0:0:0:0/64'],
    ['::1', '0:0:0:0:0:0:0:0/64'],
    ['not an address', 'not an address'],
  ])('%s is %s', (ip, network) => {
    expect(networkOf(ip)).toBe(network);
  });
});

describe('a limit', () => {
  const options = { name: 'test', allowed: 3, windowS: 60, what: 'attempts' };
  let services: TestServices;
  let redis: Redis;
  beforeAll(async () => {
    services = await startServices();
    redis = new Redis(services.redisUrl, { maxRetriesPerRequest: 0, enableOfflineQueue: false });
    await new Promise((resolve) => redis.once('ready', resolve));
  });
  afterAll(async () => {
    redis.disconnect();
    await services.close();
  });

  test('holds over replicas, by key, and says when to come back', async () => {
    const replicas = [createLimit(redis, options), createLimit(redis, options)] as const;
    for (const index of [0, 1, 0] as const) await replicas[index].take('a');
    await expect(replicas[1].check('a')).rejects.toThrow(/^Allowed are 3 attempts in 60 s\. Come back in \d+ s\.$/);
    await expect(replicas[1].take('a')).rejects.toThrow('Allowed are 3 attempts');
    await expect(replicas[0].take('a')).rejects.toMatchObject({ code: 'too-many-requests' });
    await replicas[0].take('b');
    await replicas[0].check('never seen');
  });

  test('holds without Redis, and while Redis is away', async () => {
    const away = new Redis({ port: 1, lazyConnect: true, maxRetriesPerRequest: 0, enableOfflineQueue: false });
    for (const limit of [createLimit(null, options), createLimit(away, options)]) {
      for (let count = 0; count < 3; count += 1) await limit.take('a');
      await expect(limit.check('a')).rejects.toThrow('Allowed are 3 attempts');
      await expect(limit.take('a')).rejects.toThrow('Allowed are 3 attempts');
    }
    away.disconnect();
  });
});
