import { expect, jest, test } from '@jest/globals';
import { importPKCS8, SignJWT } from 'jose';
import { newPrivateKey } from '../../../../local/stores/key-pair.ts';
import { callVerbs } from '../../../../services/call-verbs.ts';
import { type ServiceName, serviceNames, services } from '../../../../services/manifest.ts';
import { createSigner, createVerifier } from '../../../../services/shared/auth/service-token.ts';
import { allPublicKeys, privateKeyOf, signerOf, verifier } from '../../../support/service-keys.ts';

const call = { to: 'vectorstore', verb: 'search', tenantId: 'tenant', brainId: 'brain' } as const;
const verify = async (token: string) => (await verifier())(`Bearer ${token}`, 'search');

test('carries caller, verb, tenant and brain', async () => {
  expect(await verify(await (await signerOf('chat'))(call))).toEqual({ from: 'chat', ...call });
});

test('another key, another callee, no token: refused', async () => {
  const stranger = await createSigner('chat', newPrivateKey());
  await expect(verify(await stranger(call))).rejects.toThrow('not valid');
  await expect(verify(await (await signerOf('chat'))({ ...call, to: 'api' }))).rejects.toThrow('not valid');
  await expect((await verifier())(undefined, 'search')).rejects.toThrow('needs a service token');
});

test('a tier speaks as itself alone: its key signs for no other', async () => {
  const asWorker = await createSigner('document-worker', privateKeyOf('chat'));
  await expect(verify(await asWorker({ ...call, verb: 'write' }))).rejects.toThrow('not valid');
  const asApi = await createSigner('api', privateKeyOf('chat'));
  await expect(verify(await asApi(call))).rejects.toThrow("'api' is no caller that is known here.");
});

test('who verifies holds no key to sign with', () => {
  for (const caller of ['chat', 'document-worker'] as const)
    expect(allPublicKeys).not.toContain(privateKeyOf(caller).slice(40, 80));
  expect(allPublicKeys).not.toContain('PRIVATE');
});

test('what a caller may do is declared where it is declared to call', () => {
  for (const from of serviceNames) {
    const declared = Object.keys(callVerbs[from] ?? {}).filter((to) => to !== from);
    expect({ from, declared }).toEqual({ from, declared: [...(services[from].calls as readonly ServiceName[])] });
  }
});

test('ends within a minute, and unsigned ones never begin', async () => {
  const old = await new SignJWT({ verb: 'search', tenant: 't', brain: 'b' })
    .setProtectedHeader({ alg: 'Ed25519' })
    .setIssuer('chat')
    .setAudience('vectorstore')
    .setExpirationTime(Math.floor(Date.now() / 1000) - 10)
    .sign(await importPKCS8(privateKeyOf('chat'), 'Ed25519'));
  await expect(verify(old)).rejects.toThrow('ERR_JWT_EXPIRED');
  const [, body] = (await (await signerOf('chat'))(call)).split('.');
  const none = Buffer.from('{"alg":"none"}').toString('base64url');
  await expect(verify(`${none}.${body}.`)).rejects.toThrow('not valid');
});

/** The clock alone: what is signed and proven runs on. */
const setClock = (now: number) =>
  jest.useFakeTimers({ now, doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });

test('calls to the same end are signed once and proven once in half a minute, others each', async () => {
  const [sign, check] = await Promise.all([signerOf('chat'), verifier()]);
  const [signs, proofs] = [jest.spyOn(crypto.subtle, 'sign'), jest.spyOn(crypto.subtle, 'verify')];
  const since = Date.now();
  setClock(since);
  const at = async (seconds: number, brainId = 'brain') => {
    jest.setSystemTime(since + 1000 * seconds);
    expect(await check(`Bearer ${await sign({ ...call, brainId })}`, 'search')).toMatchObject({ brainId });
    return [signs.mock.calls.length, proofs.mock.calls.length];
  };
  try {
    expect(await at(0)).toEqual([1, 1]);
    expect(await at(29)).toEqual([1, 1]);
    expect(await at(29, 'another')).toEqual([2, 2]);
    expect(await at(31)).toEqual([3, 3]);
    // The clock was set back.
    expect(await at(-600)).toEqual([4, 4]);
  } finally {
    jest.useRealTimers();
    jest.restoreAllMocks();
  }
});

test('what was proven once is refused once it has ended, and for another verb at any time', async () => {
  const [sign, check] = await Promise.all([signerOf('chat'), verifier()]);
  const authorization = `Bearer ${await sign(call)}`;
  await check(authorization, 'search');
  await expect(check(authorization, 'write')).rejects.toThrow('is to search, the call is to write');
  setClock(Date.now() + 66_000);
  try {
    await expect(check(authorization, 'search')).rejects.toThrow('ERR_JWT_EXPIRED');
  } finally {
    jest.useRealTimers();
  }
});

test('a key that is none is named by its setting, and not shown', async () => {
  await expect(createSigner('chat', 'hunter2')).rejects.toThrow(
    'SERVICE_TOKEN_PRIVATE_KEY cannot be read; it must hold Ed25519 keys as PEM',
  );
  await expect(createVerifier('vectorstore', '{"chat":"x"}')).rejects.toThrow(
    'SERVICE_TOKEN_PUBLIC_KEYS cannot be read',
  );
});
