/** Who may call what, generated from the route table: a new route is tested by being in the contract. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { roles, scopes } from '../../../services/shared/contract/people.ts';
import { type Route, routes } from '../../../services/shared/contract/routes.ts';
import { fastifyPath } from '../../../services/shared/http/http.ts';
import { type Answer, type Caller, type Harness, startHarness, upload } from './harness.ts';

const table = Object.entries(routes as Record<string, Route>).filter(([, route]) => route.owner === 'api');
const guarded = table.filter(([, route]) => route.access !== 'public');

let harness: Harness;
const people: Record<string, Caller> = {};
const keys: Record<string, Caller> = {};
let stranger: Caller;
/** Ids of the owner's tenant by parameter name. */
/** Counted within what has an id: the same for everybody. */
const places: Readonly<Record<string, string>> = { page: '1', image: '0' };
const ids: Record<string, string> = { ...places };

beforeAll(async () => {
  harness = await startHarness({ WEBHOOK_PORTS: '443' });
  people.owner = await harness.owner();
  for (const role of ['admin', 'member', 'viewer']) people[role] = await harness.person(role);
  for (const scope of scopes) {
    const made = await people.owner('POST', '/v1/keys', { name: scope, scopes: [scope] });
    keys[scope] = (method, path, body, headers) =>
      harness.nobody(method, path, body, { authorization: `Bearer ${made.body.secret}`, ...headers });
    ids.key = made.body.id;
  }
  ids.brain = (await people.owner('POST', '/v1/brains', { name: 'Ours' })).body.id;
  const { body, headers } = upload('our text');
  const job = (await people.owner('POST', `/v1/brains/${ids.brain}/documents`, body, headers)).body;
  ids.job = job.id;
  ids.document = job.document_id;
  ids.member = (await people.owner('GET', '/v1/members')).body.data.at(-1).id;
  ids.webhook = (await people.owner('POST', '/v1/webhooks', { url: 'https://8.8.8.8/' })).body.id;
  ids.tenant = (await people.owner('GET', '/v1/tenant')).body.id;
  stranger = await harness.otherTenant();
});
afterAll(() => harness.close());

/** A call that is well formed, so that only the right to make it is in question. */
function call(caller: Caller, route: Route, given: Record<string, string>): Promise<Answer> {
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name) => given[name] as string);
  if (route.format === 'multipart') {
    const { body, headers } = upload('a text');
    return caller(route.method, path, body, headers);
  }
  return caller(route.method, path, bodies[route.path]?.());
}

const bodies: Record<string, () => unknown> = {
  '/v1/auth/password:set': () => ({ new_password: 'ten characters', current_password: 'wrong one' }),
  '/v1/auth/tenant:switch': () => ({ tenant_id: uuidv7() }),
  '/v1/tenants': () => ({ name: 'Made' }),
  '/v1/tenants/{tenant}': () => ({}),
  '/v1/members': () => ({ email: `${uuidv7()}@example.com`, name: 'New', role: 'viewer' }),
  '/v1/members/{member}': () => ({ role: 'viewer' }),
  '/v1/keys': () => ({ name: 'New', scopes: ['chat'] }),
  '/v1/webhooks': () => ({ url: 'https://8.8.8.8/' }),
  '/v1/webhooks/{webhook}': () => ({}),
  '/v1/brains': () => ({ name: 'New' }),
  '/v1/brains/{brain}': () => ({}),
  '/v1/jobs/{job}/pages:retry': () => ({}),
};

const absent = () => Object.fromEntries(Object.keys(ids).map((name) => [name, places[name] ?? uuidv7()]));

test('the registered routes are those of the contract, and sign-in', () => {
  for (const [, route] of table)
    expect([route.path, harness.app.http.hasRoute({ method: route.method, url: fastifyPath(route.path) })]).toEqual([
      route.path,
      true,
    ]);
  const printed = harness.app.http.printRoutes({ commonPrefix: false });
  const registered = [...printed.matchAll(/\(([A-Z, ]+)\)/g)].flatMap((match) =>
    (match[1] as string).split(', ').filter((method) => method !== 'HEAD'),
  );
  // livez, readyz, metrics; three of sign-in.
  expect(registered).toHaveLength(table.length + 3 + 3);
});

test.each(guarded)('%s refuses who has no credentials', async (_name, route) => {
  const answer = await call(harness.nobody, route, absent());
  expect(answer.status).toBe(401);
  expect(answer.body).toMatchObject({ code: 'unauthorized', title: 'Sign in first' });
});

describe.each(guarded.filter(([name]) => name !== 'events'))('%s', (_name, route) => {
  test.each([...roles])('as %s', async (role) => {
    const { status, body } = await call(people[role] as Caller, route, absent());
    const may =
      route.access === 'operator'
        ? role === 'owner'
        : roles.indexOf(role) <= roles.indexOf((route.access as { role: 'viewer' }).role);
    if (may) expect(body.detail ?? '').not.toMatch(/this needs|Only the owner of this installation/);
    else {
      expect(status).toBe(403);
      expect(body.detail).toMatch(/this needs|Only the owner of this installation/);
    }
  });

  test.each([...scopes])('with a key of scope %s', async (scope) => {
    const { status, body } = await call(keys[scope] as Caller, route, absent());
    const may = route.access !== 'operator' && (route.access as { scope: string }).scope === scope;
    if (may) expect(body.detail ?? '').not.toMatch(/this needs|Only the owner of this installation/);
    else expect(status).toBe(403);
  });
});

const withIds = guarded.filter(([, route]) => route.path.includes('{') && route.access !== 'operator');

test.each(withIds)("%s answers for another tenant's id exactly as for an absent one", async (_name, route) => {
  const nothing = absent();
  const [theirs, nobodys] = [await call(stranger, route, ids), await call(stranger, route, nothing)];
  const text = (answer: Answer) =>
    Object.keys(ids).reduce(
      (all, name) =>
        places[name] ? all : all.replaceAll(ids[name] as string, name).replaceAll(nothing[name] as string, name),
      JSON.stringify(answer.body),
    );
  expect(theirs.status).toBe(404);
  expect(text(theirs)).toBe(text(nobodys));
});

test('lists hold nothing of another tenant', async () => {
  const paths = ['/v1/brains', '/v1/jobs', '/v1/keys', '/v1/webhooks'];
  const seen = await Promise.all(paths.map(async (path) => [path, (await stranger('GET', path)).body.data]));
  expect(seen).toEqual(paths.map((path) => [path, []]));
  const { tenant } = (await stranger('GET', '/v1/me')).body;
  expect((await stranger('GET', '/v1/tenant')).body).toMatchObject(tenant);
  // Its own two owners: the operator who made it, and the stranger.
  expect((await stranger('GET', '/v1/members')).body.data).toHaveLength(2);
});

test('what nobody asked for is still there', async () => {
  const document = await (people.owner as Caller)('GET', `/v1/documents/${ids.document}`);
  expect(document.body.job.status).toBe('queued');
});
