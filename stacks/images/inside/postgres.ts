/**
 * Entry of the PostgreSQL image made by stores.ts. Reads what the public image reads: POSTGRES_USER, POSTGRES_PASSWORD,
 * POSTGRES_DB, POSTGRES_INITDB_ARGS; keeps its data where that one does.
 */
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';

const bin = '/usr/local/pgsql/bin';
const data = '/var/lib/postgresql/18/docker';
const { POSTGRES_USER: user = 'postgres', POSTGRES_PASSWORD: password, POSTGRES_INITDB_ARGS = '' } = process.env;
const database = process.env.POSTGRES_DB ?? user;

if (!existsSync(`${data}/PG_VERSION`)) create();
const server = spawn(`${bin}/postgres`, ['-D', data, '-c', 'listen_addresses=*', ...process.argv.slice(3)], {
  stdio: 'inherit',
});
// Fast shutdown: sessions end, nothing that was committed is lost.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => server.kill('SIGINT'));
server.on('exit', (code) => process.exit(code ?? 1));

/** Made aside and moved into place: an initdb that was killed leaves nothing that looks like a database. */
function create(): void {
  if (!password) throw new Error('POSTGRES_PASSWORD is missing');
  const making = `${data}.new`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { recursive: true, mode: 0o700 });
  writeFileSync('/tmp/password', password, { mode: 0o600 });
  const options = [`--pgdata=${making}`, `--username=${user}`, '--pwfile=/tmp/password', '--auth=scram-sha-256'];
  execFileSync(`${bin}/initdb`, [...options, ...POSTGRES_INITDB_ARGS.split(' ').filter(Boolean)], { stdio: 'inherit' });
  rmSync('/tmp/password');
  appendFileSync(`${making}/pg_hba.conf`, '\nhost all all all scram-sha-256\n');
  if (database !== 'postgres')
    execFileSync(`${bin}/postgres`, ['--single', '-D', making, 'postgres'], { input: `create database ${database}\n` });
  renameSync(making, data);
}
