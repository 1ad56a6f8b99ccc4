import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { requestsPerMinuteMax } from '../../../services/shared/auth/rate-limit.ts';
import { type Caller, type Harness, startHarness } from './harness.ts';

let harness: Harness;
let owner: Caller;
beforeAll(async () => {
  harness = await startHarness({ TENANT_REQUESTS_PER_SECOND: 150 });
  owner = await harness.owner();
});
afterAll(() => harness.close());

test('a tenant that floods is held to its rate while another asks; the other is answered every time', async () => {
  const [loud, other] = [await harness.person('member'), await harness.otherTenant()];
  expect((await other('GET', '/v1/me')).status).toBe(200);
  const flood = await Promise.all(Array.from({ length: 300 }, () => loud('GET', '/v1/brains')));
  const refused = flood.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThan(0);
  expect(flood.filter(({ status }) => status !== 200 && status !== 429)).toEqual([]);
  expect(refused[0]?.body.detail).toBe(
    'Allowed are 150 requests a second of one tenant while others ask too. Come back in 1 s.',
  );
  expect(refused[0]?.headers['retry-after']).toBe('1');
  for (let asked = 0; asked < 10; asked += 1) expect((await other('GET', '/v1/me')).status).toBe(200);
});

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
