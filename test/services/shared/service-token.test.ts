import { expect, test } from '@jest/globals';
import { SignJWT } from 'jose';
import { signServiceCall, verifyServiceCall } from '../../../services/shared/service-token.ts';

const secret = 'a secret between the tiers, 32 bytes or more';
const call = { from: 'chat', to: 'vectorstore', tenantId: 'tenant', brainId: 'brain' } as const;
const verify = (token: string, to: 'vectorstore' | 'chat' = 'vectorstore') =>
  verifyServiceCall(secret, to, `Bearer ${token}`);

test('carries caller, tenant and brain', async () => {
  expect(await verify(await signServiceCall(secret, call))).toEqual(call);
});

test('another secret, another callee, no token: refused', async () => {
  await expect(verify(await signServiceCall('another secret of at least 32 bytes..', call))).rejects.toThrow(
    'not valid',
  );
  await expect(verify(await signServiceCall(secret, call), 'chat')).rejects.toThrow('not valid');
  await expect(verifyServiceCall(secret, 'vectorstore', undefined)).rejects.toThrow('needs a service token');
});

test('a caller that the manifest does not declare is refused, whatever it signs', async () => {
  await expect(verify(await signServiceCall(secret, { ...call, from: 'api' }))).rejects.toThrow(
    "'api' is not declared to call 'vectorstore'.",
  );
});

test('ends within a minute, and unsigned ones never begin', async () => {
  const old = await new SignJWT({ tenant: 't', brain: 'b' })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer('chat')
    .setAudience('vectorstore')
    .setExpirationTime(Math.floor(Date.now() / 1000) - 10)
    .sign(new TextEncoder().encode(secret));
  await expect(verify(old)).rejects.toThrow('ERR_JWT_EXPIRED');
  const [, body] = (await signServiceCall(secret, call)).split('.');
  const none = Buffer.from('{"alg":"none"}').toString('base64url');
  await expect(verify(`${none}.${body}.`)).rejects.toThrow('not valid');
});
