import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { requestsPerMinuteMax } from '../../../services/shared/auth/rate-limit.ts';
import { type Caller, type Harness, startHarness } from './harness.ts';

let harness: Harness;
let owner: Caller;
beforeAll(async () => {
  harness = await startHarness();
  owner = await harness.owner();
});
afterAll(() => harness.close());

test('a caller who asks too often is told when to come back; others are not held up', async () => {
  const other = await harness.person('member');
  await owner('GET', '/v1/me');
  const me = (await owner('GET', '/v1/me')).body.person.id;
  const key = (await harness.redis.keys(`*${me}*`))[0] as string;
  await harness.redis.set(key, requestsPerMinuteMax, 'KEEPTTL');
  const refused = await owner('GET', '/v1/me');
  expect([refused.status, refused.body.code]).toEqual([429, 'too-many-requests']);
  expect(refused.body.detail).toMatch(/^Allowed are 3000 requests a minute\. Come back in \d+ s\.$/);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect((await other('GET', '/v1/me')).status).toBe(200);
});
