/** Values that the schema's types allow and a store does not: refused with 400 in every place, never a 500. */
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Caller, type Harness, startHarness, upload } from './harness.ts';

let harness: Harness;
let owner: Caller;
let brain: string;
let job: { id: string; document_id: string };
beforeAll(async () => {
  harness = await startHarness();
  owner = await harness.owner();
  brain = (await owner('POST', '/v1/brains', { name: 'B' })).body.id;
  const { body, headers } = upload('text', 'a.txt');
  job = (await owner('POST', `/v1/brains/${brain}/documents`, body, headers)).body;
});
afterAll(() => harness.close());

const nul = 'a\0b';
test.each([
  ['POST', '/v1/brains', { name: nul }],
  ['POST', '/v1/brains', { name: 'x', description: nul }],
  ['POST', '/v1/brains', { name: 'x', model: nul }],
  ['POST', '/v1/tenants', { name: nul }],
  ['POST', '/v1/keys', { name: nul, scopes: ['chat'] }],
  ['POST', '/v1/members', { name: nul, email: 'nul@example.com', role: 'viewer' }],
  ['GET', '/v1/usage?model=a%00b', undefined],
  ['POST', '/v1/auth/sign-in/email', { email: `${nul}@example.com`, password: 'x' }],
])('%s %s with a NUL', async (method, path, body) => {
  const answer = await owner(method, path, body);
  expect([answer.status, answer.body.code]).toEqual([400, 'bad-request']);
});

const cursor = (of: string) => Buffer.from(of).toString('base64url');
test.each(['------------------------------------', 'a'.repeat(36), 'not an id'])('the cursor of %s', async (of) => {
  for (const path of [
    '/v1/brains',
    `/v1/brains/${brain}/documents`,
    '/v1/jobs',
    '/v1/keys',
    '/v1/members',
    '/v1/tenants',
  ]) {
    const answer = await owner('GET', `${path}?cursor=${cursor(of)}`);
    expect([path, answer.status, answer.body.code]).toEqual([path, 400, 'bad-request']);
  }
});

test('page numbers above those of the database', async () => {
  for (const page of ['2147483648', '9007199254740991', '1e300']) {
    expect([page, (await owner('GET', `/v1/documents/${job.document_id}/pages/${page}`)).status]).toEqual([page, 400]);
    expect((await owner('GET', `/v1/jobs/${job.id}/pages?cursor=${cursor(page)}`)).status).toBe(400);
  }
  const retry = await owner('POST', `/v1/jobs/${job.id}/pages:retry`, { pages: [2_147_483_648] });
  expect(retry.status).toBe(400);
  expect((await owner('GET', `/v1/documents/${job.document_id}/pages/2147483647`)).status).toBe(404);
});

test.each([
  ['from=0000-01-01&to=0000-01-02', '0000-01-01'],
  ['to=0000-01-05', '29 days before 0000-01-05'],
  ['from=1969-12-31&to=1970-01-01', '1969-12-31'],
  ['to=1970-01-05', '29 days before 1970-01-05'],
])('usage of days before the first one: %s', async (query, first) => {
  const { status, body } = await owner('GET', `/v1/usage?${query}`);
  expect([status, body.code]).toEqual([400, 'bad-request']);
  expect(body.detail).toBe(`The first day is ${first}, allowed are 1970-01-01 and later. Name a later from.`);
});

test.each(['from=1970-01-01&to=1970-01-02', 'to=9999-12-31'])('usage of the first and last days: %s', async (query) => {
  const { status, body } = await owner('GET', `/v1/usage?${query}`);
  expect([status, body.data]).toEqual([200, []]);
});

test('a time with an offset that PostgreSQL does not know', async () => {
  const expires_at = '2999-01-01T00:00:00+23:00';
  expect((await owner('POST', '/v1/keys', { name: 'k', scopes: ['chat'], expires_at })).status).toBe(201);
});

test('a multipart body without a boundary', async () => {
  const headers = { 'content-type': 'multipart/form-data' };
  const answer = await owner('POST', `/v1/brains/${brain}/documents`, Buffer.from('x'), headers);
  expect([answer.status, answer.body.code]).toEqual([400, 'bad-request']);
});

describe('what fails before any route is told as a problem, too', () => {
  test('a path that is no UTF-8', async () => {
    const answer = await owner('GET', '/v1/brains/%ff');
    expect([answer.status, answer.body.code]).toEqual([400, 'bad-request']);
  });

  test('what is no HTTP', async () => {
    await harness.app.http.listen({ port: 0, host: '127.0.0.1' });
    const socket = connect((harness.app.http.server.address() as { port: number }).port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nidempotency-key: \u0001\r\n\r\n');
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\ncontent-type: application\/problem\+json/);
    expect(JSON.parse(answer.split('\r\n\r\n')[1] as string)).toMatchObject({ status: 400, code: 'bad-request' });
  });
});
