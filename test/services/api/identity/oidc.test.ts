/** The company sign-in against a real OpenID provider on loopback. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import Provider from 'oidc-provider';
import { type Caller, type Harness, publicUrl, startHarness } from '../harness.ts';

const clientId = 'bulkhead';
const clientSecret = 'a client secret of the company';

let harness: Harness;
let owner: Caller;
let server: Server;
let oidcSettings: () => { OIDC_ISSUER: string; OIDC_CLIENT_ID: string; OIDC_CLIENT_SECRET: string };
/** Attempts are limited per network: each comes from its own. */
let networks = 0;
/** Who is at the provider's keyboard: their claims. */
let who: { sub: string; email: string; email_verified?: unknown; name: string };

beforeAll(async () => {
  // The provider tells that it is not set up for production.
  for (const level of ['warn', 'info'] as const) jest.spyOn(console, level).mockImplementation(() => {});
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [`${publicUrl}/v1/auth/callback/company`],
        response_types: ['code'],
        grant_types: ['authorization_code'],
        // RFC 8252 loopback addresses with http need a native application here.
        application_type: 'native',
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
    cookies: { keys: ['only for tests'] },
    findAccount: async () => ({ accountId: who.sub, claims: async () => ({ ...who }) }),
  });
  server.on('request', provider.callback());
  oidcSettings = () => ({ OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, OIDC_CLIENT_SECRET: clientSecret });
  harness = await startHarness(oidcSettings());
  owner = await harness.owner();
});
afterAll(async () => {
  await harness.close();
  server.closeAllConnections();
  server.close();
});

/** Cookies as a browser keeps them for one site. */
class Jar {
  readonly #cookies = new Map<string, string>();
  add(lines: readonly string[]) {
    for (const line of lines) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (name) this.#cookies.set(name, value ?? '');
    }
  }
  get header() {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }
}

/** Through the provider's pages, as a browser goes; back at our callback with a code. */
async function atProvider(start: string): Promise<string> {
  const jar = new Jar();
  let url = start;
  let form: string | null = null;
  for (let step = 0; step < 12; step += 1) {
    const answer: Response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: jar.header, ...(form !== null && { 'content-type': 'application/x-www-form-urlencoded' }) },
      ...(form !== null && { method: 'POST', body: form }),
    });
    jar.add(answer.headers.getSetCookie());
    const page = await answer.text();
    const location = answer.headers.get('location');
    form = null;
    if (location) {
      url = new URL(location, url).href;
      if (url.startsWith(publicUrl)) return url;
    } else {
      const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
      const action = /action="([^"]+)"/.exec(page)?.[1];
      if (!prompt || !action) throw new Error(`no form at ${url}: ${answer.status} ${page.slice(0, 500)}`);
      url = new URL(action, url).href;
      form = `prompt=${prompt}&login=${who.sub}&password=any`;
    }
  }
  throw new Error(`never came back; last at ${url}`);
}

/** @returns where the browser is sent at the end, and its cookies with us */
async function signIn(): Promise<{ location: string; jar: Jar }> {
  const jar = new Jar();
  const begun = await harness.nobody(
    'POST',
    '/v1/auth/sign-in/social',
    { provider: 'company', callbackURL: '/', errorCallbackURL: '/' },
    { origin: publicUrl, 'x-forwarded-for': `10.1.0.${++networks}` },
  );
  expect(begun.status).toBe(200);
  jar.add([begun.headers['set-cookie']].flat() as string[]);
  const callback = new URL(await atProvider(begun.body.url));
  const ended = await harness.nobody('GET', callback.pathname + callback.search, undefined, { cookie: jar.header });
  jar.add(([ended.headers['set-cookie']].flat() as (string | undefined)[]).filter((line) => line !== undefined));
  return { location: String(ended.headers.location), jar };
}

const me = (jar: Jar) => harness.nobody('GET', '/v1/me', undefined, { cookie: jar.header });

test('a member signs in by their address; the account is theirs from then on', async () => {
  await owner('POST', '/v1/members', { email: 'kim@company.example', name: 'Kim', role: 'member' });
  who = { sub: 'kim-1', email: 'Kim@Company.example', email_verified: true, name: 'Kim' };
  const first = await signIn();
  expect(first.location).not.toContain('error');
  expect((await me(first.jar)).body).toMatchObject({
    person: { email: 'kim@company.example', has_password: false },
    role: 'member',
    sign_in: { oidc: true },
  });
  who = { ...who, email: 'kim.renamed@company.example' };
  const second = await signIn();
  expect((await me(second.jar)).body.person.email).toBe('kim@company.example');
  const accounts = await harness.db.selectFrom('accounts').selectAll().execute();
  expect(accounts).toMatchObject([{ account_id: 'kim-1', access_token: null, id_token: null }]);
});

test('who is no member is refused in words', async () => {
  who = { sub: 'eve-1', email: 'eve@company.example', email_verified: true, name: 'Eve' };
  const { location, jar } = await signIn();
  expect(new URL(location, publicUrl).searchParams.get('error_description')).toBe(
    'No member has the address that the company sign-in gave. Ask an admin to add you.',
  );
  expect((await me(jar)).status).toBe(401);
});

test('an address that the company has not verified lets nobody in', async () => {
  await owner('POST', '/v1/members', { email: 'lee@company.example', name: 'Lee', role: 'member' });
  who = { sub: 'lee-1', email: 'lee@company.example', email_verified: false, name: 'Lee' };
  const { location, jar } = await signIn();
  expect(new URL(location, publicUrl).searchParams.get('error_description')).toContain('has not verified');
  expect((await me(jar)).status).toBe(401);
});

describe('an address that the company does not say to be verified', () => {
  const password = 'of the owner of the address';
  let theirs: Caller;
  beforeAll(async () => {
    const added = await owner('POST', '/v1/members', { email: 'max@company.example', name: 'Max', role: 'admin' });
    theirs = await harness.signIn(added.body.sign_in_token);
    await theirs('POST', '/v1/auth/password:set', { new_password: password });
  });

  test.each([
    ['missing', undefined],
    ['the text "false"', 'false'],
    ['the text "yes"', 'yes'],
    ['null', null],
    ['1', 1],
  ])('%s: it does not link to who has a password', async (_what, email_verified) => {
    who = {
      sub: 'mallory-1',
      email: 'max@company.example',
      name: 'Mallory',
      ...(email_verified !== undefined && { email_verified }),
    };
    const { location, jar } = await signIn();
    expect(new URL(location, publicUrl).searchParams.get('error_description')).toContain('has not verified');
    expect((await me(jar)).status).toBe(401);
    expect((await theirs('GET', '/v1/me')).status).toBe(200);
  });

  test('verified: the person comes in, and what came without a proof ends', async () => {
    who = { sub: 'max-1', email: 'max@company.example', name: 'Max', email_verified: true };
    const { jar } = await signIn();
    expect((await me(jar)).body).toMatchObject({ person: { name: 'Max', has_password: false }, role: 'admin' });
    expect((await theirs('GET', '/v1/me')).status).toBe(401);
  });

  test('with the issuer named for it, it is believed', async () => {
    const believing = await startHarness({
      ...oidcSettings(),
      OIDC_UNVERIFIED_EMAIL_ISSUER: oidcSettings().OIDC_ISSUER,
    });
    const usual = harness;
    harness = believing;
    try {
      await (await believing.owner())('POST', '/v1/members', {
        email: 'pat@company.example',
        name: 'Pat',
        role: 'viewer',
      });
      who = { sub: 'pat-1', email: 'pat@company.example', name: 'Pat' };
      const { jar } = await signIn();
      expect((await me(jar)).body).toMatchObject({ person: { email: 'pat@company.example' }, role: 'viewer' });
    } finally {
      harness = usual;
      await believing.close();
    }
  });
});

test('who was removed from the last tenant is refused', async () => {
  const members = (await owner('GET', '/v1/members')).body.data as { id: string; email: string }[];
  await owner('DELETE', `/v1/members/${members.find(({ email }) => email.startsWith('kim'))?.id}`);
  who = { sub: 'kim-1', email: 'kim@company.example', email_verified: true, name: 'Kim' };
  const { location, jar } = await signIn();
  expect(new URL(location, publicUrl).searchParams.get('error_description')).toContain('You belong to no tenant');
  expect((await me(jar)).status).toBe(401);
});

test('a callback in another browser than the one that began is refused', async () => {
  const begun = await harness.nobody(
    'POST',
    '/v1/auth/sign-in/social',
    { provider: 'company', callbackURL: '/' },
    { origin: publicUrl },
  );
  const callback = new URL(await atProvider(begun.body.url));
  const ended = await harness.nobody('GET', callback.pathname + callback.search);
  expect(String(ended.headers.location)).toContain('error=');
  expect(String(ended.headers['set-cookie'] ?? '')).not.toContain('session_token=');
});

test('a NUL in what the company sign-in is asked is no fault of ours', async () => {
  const body = { provider: 'company', callbackURL: '/', loginHint: 'a\0b' };
  expect((await harness.nobody('POST', '/v1/auth/sign-in/social', body)).status).toBeLessThan(500);
  const callback = '/v1/auth/callback/company?code=c&state=a';
  expect((await harness.nobody('GET', `${callback}%00b`)).status).toBeLessThan(500);
  const cookie = 'better-auth.state=a%00b; better-auth.session_token=a%00b';
  expect((await harness.nobody('GET', callback, undefined, { cookie })).status).toBeLessThan(500);
});
