/** A one-time link is used once, whatever breaks while it is: its person is signed in, or can use it again. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { proxyOf, type StoreProxy } from '../../../support/proxy.ts';
import { type Answer, type Caller, cookieOf, type Harness, publicUrl, startHarness } from '../harness.ts';

let proxy: StoreProxy;
let harness: Harness;
let owner: Caller;
beforeAll(async () => {
  harness = await startHarness(async ({ databaseUrl }) => {
    proxy = await proxyOf(databaseUrl, 'postgres');
    return { DATABASE_URL: proxy.through(databaseUrl) };
  });
  owner = await harness.owner();
});
afterAll(async () => {
  await harness.close();
  await proxy.close();
});

const redeem = (token: string) => harness.nobody('POST', '/v1/auth/link:redeem', { token });
const me = (answer: Answer) =>
  harness.nobody('GET', '/v1/me', undefined, { cookie: cookieOf(answer), origin: publicUrl });

test.each<[string, RegExp, { before?: boolean; away?: boolean }, { first: number; cookie: number; again: number }]>([
  ['COMMIT is not answered', /^commit$/i, {}, { first: 200, cookie: 200, again: 410 }],
  ['COMMIT does not arrive', /^commit$/i, { before: true }, { first: 503, cookie: 401, again: 200 }],
  ['nobody says what became of COMMIT', /^commit$/i, { away: true }, { first: 503, cookie: 200, again: 410 }],
  [
    'PostgreSQL goes away before the session is written',
    /^insert into "sessions"/i,
    { before: true },
    { first: 503, cookie: 401, again: 200 },
  ],
  ['PostgreSQL goes away after it', /from "sessions" as "s"/i, {}, { first: 503, cookie: 200, again: 410 }],
])('%s: the person is signed in, or the link still works', async (name, statement, { before, away }, expected) => {
  const email = `${name.replaceAll(/\W/g, '')}@example.com`;
  const { sign_in_token: token } = (await owner('POST', '/v1/members', { email, name, role: 'viewer' })).body;
  const cut = proxy.cutAnswer(statement, { before }).then(() => away && proxy.blackHole());
  const first = await redeem(token);
  await cut;
  proxy.heal();
  const signedIn = await me(first);
  expect({ first: first.status, cookie: signedIn.status, again: (await redeem(token)).status }).toEqual(expected);
  if (expected.cookie === 200) expect(signedIn.body.person.email).toBe(email.toLowerCase());
  const sessions = await harness.services.query(
    `select from sessions s join people p on p.id = s.person_id where p.email = $1`,
    [email.toLowerCase()],
  );
  expect(sessions).toHaveLength(1);
});
