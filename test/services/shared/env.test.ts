import { expect, test } from '@jest/globals';
import { readSettings } from '../../../services/shared/env.ts';

test('numbers are numbers, what is left out has its default, foreign variables are not seen', () => {
  const read = readSettings('web', { PORT: '8001', HOME: '/root' });
  expect(read).not.toHaveProperty('HOME');
  expect(read).toMatchObject({
    HOST: '127.0.0.1',
    PORT: 8001,
    LOG_LEVEL: 'info',
    REPLICA: '',
    STOP_TIMEOUT_MS: 30_000,
    KEEP_ALIVE_TIMEOUT_MS: 140_000,
  });
});

test('every fault is named at once, and a secret is never shown', () => {
  const read = () =>
    readSettings('vectorstore', { PORT: 'x', DATABASE_URL: 'not a url with a password', CACHE_MIB: '-1' });
  expect(read).toThrow(/service 'vectorstore' cannot start:/);
  expect(read).toThrow(/PORT is 'x', allowed is a whole number: TCP port to listen on/);
  expect(read).toThrow(/DATABASE_URL is malformed, allowed is a URL: PostgreSQL/);
  expect(read).toThrow(/CACHE_MIB is '-1'/);
  expect(read).toThrow(/SERVICE_TOKEN_PUBLIC_KEYS is missing/);
  expect(read).not.toThrow(/password/);
});
