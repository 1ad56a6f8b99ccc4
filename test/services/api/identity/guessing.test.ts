/** Guessing is slow for who guesses, and for nobody else. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { ownerLink } from '../../../../services/api/identity/owner.ts';
import { wrongPasswordsPerHourMax } from '../../../../services/api/identity/sign-in/sign-in-limits.ts';
import { wrongCredentialsPerMinuteMax } from '../../../../services/shared/auth/credential-guard.ts';
import { type Caller, type Harness, publicUrl, startHarness } from '../harness.ts';

let harness: Harness;
let owner: Caller;
beforeAll(async () => {
  harness = await startHarness();
  owner = await harness.owner();
});
afterAll(() => harness.close());

const times = <T>(count: number, make: (index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, i) => make(i)));
const counted = (values: readonly number[]) => {
  const counts: Record<number, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
};
const key = (n: number) => `bk_${String(n).padStart(43, 'x')}`;
const ask = (secret: string, from: string) =>
  harness.nobody('GET', '/v1/me', undefined, { authorization: `Bearer ${secret}`, 'x-forwarded-for': from });

/** Nothing reads this table until the function ends. */
async function locked<T>(table: string, work: () => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: harness.services.databaseUrl });
  await client.connect();
  try {
    await client.query(`begin; lock table ${table} in access exclusive mode`);
    return await work();
  } finally {
    await client.end();
  }
}

test('thousands of invalid keys are a few hundred look-ups; who was there before is not held up', async () => {
  const { secret } = (await owner('POST', '/v1/keys', { name: 'k', scopes: ['documents:read'] })).body;
  expect((await ask(secret, '10.9.0.1')).status).toBe(200);
  const statuses: number[] = [];
  for (let batch = 0; batch < 11; batch += 1)
    statuses.push(...(await times(100, (i) => ask(key(batch * 100 + i), '10.9.0.1').then(({ status }) => status))));
  expect(counted(statuses)).toEqual({ 401: wrongCredentialsPerMinuteMax, 429: 1100 - wrongCredentialsPerMinuteMax });
  // Neither one that was refused nor one of a network that must wait is looked up.
  await locked('api_keys', async () => {
    expect((await ask(key(1), '10.9.0.1')).status).toBe(401);
    expect((await ask(key(5000), '10.9.0.1')).status).toBe(429);
  });
  expect((await ask(secret, '10.9.0.1')).status).toBe(200);
  expect((await ask(key(6000), '10.9.0.2')).status).toBe(401);
});

test('neighbours of one IPv6 network are one guesser', async () => {
  const statuses = await times(wrongCredentialsPerMinuteMax + 20, (i) =>
    ask(key(7000 + i), `2001:db8:1:2::${i.toString(16)}`).then(({ status }) => status),
  );
  expect(counted(statuses)).toEqual({ 401: wrongCredentialsPerMinuteMax, 429: 20 });
  expect((await ask(key(8000), '2001:db8:1:3::1')).status).toBe(401);
});

test('120 guesses at a password at once: few are hashed, none is a fault, and others are answered meanwhile', async () => {
  await owner('POST', '/v1/auth/password:set', { email: 'owner@example.com', new_password: 'the real password' });
  const other = await harness.person('member');
  let under = 120;
  const guess = (i: number) =>
    owner('POST', '/v1/auth/password:set', { current_password: `guess ${i}`, new_password: 'ten letters' });
  const guesses = times(120, (i) =>
    guess(i).then(({ status }) => {
      under -= 1;
      return status;
    }),
  );
  expect((await other('GET', '/v1/me')).status).toBe(200);
  expect(under).toBeGreaterThan(0);
  const { 403: wrong = 0, 429: often = 0, 503: busy = 0, ...rest } = counted(await guesses);
  expect(rest).toEqual({});
  expect(wrong).toBeLessThanOrEqual(wrongPasswordsPerHourMax);
  expect(often + busy).toBe(120 - wrong);
  // One that was not looked at, since too many waited, is no wrong one.
  expect(busy).toBeGreaterThan(0);
  for (let more = wrong; more < wrongPasswordsPerHourMax; more += 1) expect((await guess(more)).status).toBe(403);
  // From anywhere, the right one included, until the hour is over; a link still lets the person in.
  const signIn = await harness.nobody(
    'POST',
    '/v1/auth/sign-in/email',
    { email: 'OWNER@example.com', password: 'the real password' },
    { origin: publicUrl, 'x-forwarded-for': '10.9.9.9' },
  );
  expect([signIn.status, signIn.body.detail]).toEqual([429, expect.stringContaining('50 wrong passwords in 3600 s')]);
  await harness.signIn(await ownerLink(harness.db));
});
