/** A Redis for the tests of a file, empty before each. */
import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import { Redis } from 'ioredis';
import { startServices, type TestServices } from '../../../support/stores.ts';

export let services: TestServices;
export let redis: Redis;

export function emptyRedisBeforeEach(): void {
  beforeAll(async () => {
    services = await startServices();
    redis = new Redis(services.redisUrl);
  });
  beforeEach(() => redis.flushall());
  afterAll(async () => {
    redis.disconnect();
    await services.close();
  });
}
