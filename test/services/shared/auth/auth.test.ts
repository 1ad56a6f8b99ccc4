import { createHmac } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { FastifyRequest } from 'fastify';
import {
  allowedOrigins,
  assertOrigin,
  hashSecret,
  newSecret,
  sessionCookieName,
  sessionToken,
} from '../../../../services/shared/auth/auth.ts';

const request = (headers: Record<string, string>, method = 'POST') =>
  ({ method, headers }) as unknown as FastifyRequest;

test.each([
  ['http://127.0.0.1:8000', ['http://localhost:8000', 'http://127.0.0.1:8000', 'http://[::1]:8000']],
  ['https://chat.example', ['https://chat.example']],
  ['https://chat.example:8443/', ['https://chat.example:8443']],
])('origins allowed for %s', (url, origins) => {
  expect([...allowedOrigins(url)]).toEqual(origins);
});

test('the refusal says what was given and what is allowed', () => {
  const allowed = allowedOrigins('https://chat.example');
  expect(() => assertOrigin(request({ origin: 'https://evil.example' }), allowed)).toThrow(
    'The Origin is https://evil.example; with a session cookie, allowed is https://chat.example. Programs use an API key.',
  );
  expect(() => assertOrigin(request({}), allowed)).toThrow('The Origin is missing');
  expect(() => assertOrigin(request({}, 'GET'), allowed)).not.toThrow();
});

describe('the session cookie', () => {
  const sign = (token: string, secret: string) =>
    encodeURIComponent(`${token}.${createHmac('sha256', secret).update(token).digest('base64')}`);
  const read = (cookie: string) => sessionToken(request({ cookie: `a=b; session=${cookie}` }), 'session', 'secret');

  test('counts only with our signature', () => {
    expect(read(sign('token', 'secret'))).toBe('token');
    expect(read(sign('token', 'other'))).toBeNull();
    expect(read('token')).toBeNull();
    expect(sessionToken(request({}), 'session', 'secret')).toBeNull();
  });

  test('whatever is sent, nothing throws and nothing passes', () => {
    fc.assert(fc.property(fc.string(), (text) => expect(read(encodeURIComponent(text))).toBeNull()));
  });

  test('is __Secure- wherever people come by https', () => {
    expect(sessionCookieName('https://chat.example')).toBe('__Secure-bulkhead.session_token');
    expect(sessionCookieName('http://127.0.0.1:8000')).toBe('bulkhead.session_token');
  });
});

test('secrets have 256 bits and are kept as SHA-256', () => {
  const secret = newSecret('bk_');
  expect(Buffer.from(secret.slice(3), 'base64url')).toHaveLength(32);
  expect(hashSecret(secret)).toHaveLength(32);
  expect(newSecret('bk_')).not.toBe(secret);
});
