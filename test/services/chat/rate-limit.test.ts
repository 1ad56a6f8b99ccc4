/** Chat counts the requests of each caller as the api does, in its own memory. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { requestsPerMinuteMax } from '../../../services/shared/auth/rate-limit.ts';
import { type ChatUnderTest, openChat, type Person, type TestChat, type TestSearch } from './fixture.ts';

let opened: ChatUnderTest;
let search: TestSearch;
let chat: TestChat;
beforeAll(async () => {
  opened = await openChat({ model: false });
  ({ search, chat } = opened);
});
afterAll(() => opened.close());

const request = (person: Person) =>
  chat.app.http.inject({ url: '/v1/chat/models', headers: { 'x-person': JSON.stringify(person) } });

test('a caller who asks too often is told when to come back; a colleague and operators are not held up', async () => {
  const { tenantId } = await search.newBrain();
  const [person, colleague] = [await search.newPerson(tenantId), await search.newPerson(tenantId)];
  const answers = [];
  // Twice what is allowed: on a slow machine a window may end in between.
  for (let sent = 0; sent < 2 * requestsPerMinuteMax && answers.at(-1)?.statusCode !== 429; sent += 50)
    answers.push(...(await Promise.all(Array.from({ length: 50 }, () => request(person)))));
  const refused = answers.at(-1);
  expect([refused?.statusCode, refused?.json().code]).toEqual([429, 'too-many-requests']);
  expect(refused?.json().detail).toMatch(/^Allowed are 3000 requests a minute\. Come back in \d+ s\.$/);
  expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(0);
  expect(answers.filter(({ statusCode }) => statusCode === 200).length).toBeGreaterThanOrEqual(requestsPerMinuteMax);
  expect((await request(colleague)).statusCode).toBe(200);
  expect((await chat.app.http.inject('/livez')).statusCode).toBe(200);
}, 180_000);
