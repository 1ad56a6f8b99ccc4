/** The process: its commands, its readiness, its end. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { databaseTiers } from '../../../services/api/roles.ts';
import { startServices, type TestServices } from '../../support/stores.ts';
import { settingsFor } from './harness.ts';

const run = promisify(execFile);
const main = new URL('../../../services/api/main.ts', import.meta.url).pathname;
let services: TestServices;
let env: Record<string, string>;
let owner: Record<string, string>;
beforeAll(async () => {
  services = await startServices();
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  const settings = { ...settingsFor(services), LOG_LEVEL: 'warn', PORT: port };
  env = Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, String(value)]));
  // A role's password is set anew at every migration; all databases of a test run share them.
  const passwords = Object.fromEntries(databaseTiers.map((tier) => [tier, 'password']));
  owner = { DATABASE_OWNER_URL: services.databaseUrl, DATABASE_ROLE_PASSWORDS: JSON.stringify(passwords) };
});
afterAll(() => services.close());

test('migrate is harmless to repeat; owner-link prints one line with a token; other words are refused', async () => {
  await expect(run(process.execPath, [main, 'migrate'], { env })).rejects.toThrow('DATABASE_OWNER_URL is missing');
  await run(process.execPath, [main, 'migrate'], { env: { ...env, ...owner } });
  const { stdout } = await run(process.execPath, [main, 'owner-link'], { env });
  expect(JSON.parse(stdout)).toEqual({ token: expect.stringMatching(/^[\w-]{43}$/) });
  expect(stdout.trim().split('\n')).toHaveLength(1);
  await expect(run(process.execPath, [main, 'serve'], { env })).rejects.toThrow(
    "'serve' is invalid for argument 'command'. Allowed choices are migrate, owner-link.",
  );
});

test('settings that are missing are all named', async () => {
  const { DATABASE_URL: _url, AUTH_SECRET: _secret, ...rest } = env;
  await expect(run(process.execPath, [main], { env: rest })).rejects.toThrow(
    /DATABASE_URL is missing: PostgreSQL[\s\S]*AUTH_SECRET is missing/,
  );
});

test('serves until SIGTERM, then ends by itself', async () => {
  const child: ChildProcess = spawn(process.execPath, [main], { env, stdio: 'ignore' });
  const exit = once(child, 'exit');
  try {
    const ready = () =>
      fetch(`http://127.0.0.1:${env.PORT}/readyz`).then(
        (answer) => answer.status,
        () => 0,
      );
    while ((await ready()) !== 200) await new Promise((resolve) => setTimeout(resolve, 50));
    const methods = await fetch(`http://127.0.0.1:${env.PORT}/v1/auth/methods`);
    expect(await methods.json()).toEqual({ password: true, oidc: false });
  } finally {
    child.kill('SIGTERM');
  }
  expect(await exit).toEqual([0, null]);
});
