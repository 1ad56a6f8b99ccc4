/** A real control plane on loopback: etcd, the API, controllers, scheduler; kwok plays the nodes. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa, type ResultPromise } from 'execa';
import { freePort } from '../../local/router/ports.ts';
import { type Api, apiOf, until } from './api.ts';
import { type Program, programPath } from './build.ts';

export interface ControlPlane {
  readonly api: Api;
  close(): Promise<void>;
}

export async function startControlPlane(): Promise<ControlPlane> {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-cluster-'));
  const at = (name: string) => join(folder, name);
  const running: { name: string; process: ResultPromise }[] = [];
  const start = (name: Program | 'etcd', args: readonly string[]) => {
    const file = { file: at(`${name}.log`) };
    const path = name === 'etcd' ? 'etcd' : programPath(name);
    const options = { stdout: file, stderr: file, reject: false, cwd: folder, forceKillAfterDelay: 5000 } as const;
    running.push({ name, process: execa(path, args, options) });
  };
  const close = async () => {
    for (const { process } of running.toReversed()) process.kill();
    await Promise.all(running.map(({ process }) => process));
    rmSync(folder, { recursive: true });
  };
  try {
    const [client, peer, port] = [await freePort(), await freePort(), await freePort()];
    await execa('openssl', ['genrsa', '-out', at('accounts.key'), '2048']);
    const token = randomBytes(24).toString('hex');
    writeFileSync(at('tokens.csv'), `${token},admin,admin,"system:masters"\n`, { mode: 0o600 });
    start('etcd', [
      ...['--data-dir', at('etcd'), '--unsafe-no-fsync'],
      ...[
        '--listen-client-urls',
        `http://127.0.0.1:${client}`,
        '--advertise-client-urls',
        `http://127.0.0.1:${client}`,
      ],
      ...[
        '--listen-peer-urls',
        `http://127.0.0.1:${peer}`,
        '--initial-advertise-peer-urls',
        `http://127.0.0.1:${peer}`,
      ],
      ...['--initial-cluster', `default=http://127.0.0.1:${peer}`],
    ]);
    start('kube-apiserver', [
      ...[`--etcd-servers=http://127.0.0.1:${client}`, '--bind-address=127.0.0.1', `--secure-port=${port}`],
      ...[`--cert-dir=${at('certificates')}`, `--token-auth-file=${at('tokens.csv')}`, '--authorization-mode=RBAC'],
      // It asks etcd for more than Debian's 3.4 knows, once a second.
      '--feature-gates=SizeBasedListCostEstimate=false',
      ...['--service-account-issuer=https://kubernetes.default.svc', '--service-cluster-ip-range=10.96.0.0/16'],
      ...[
        `--service-account-key-file=${at('accounts.key')}`,
        `--service-account-signing-key-file=${at('accounts.key')}`,
      ],
    ]);
    const authority = await until('the certificate', async () =>
      readFileSync(at('certificates/apiserver.crt'), 'utf8'),
    );
    const api = apiOf({ port, token, authority });
    await until('the API', async () => (await api('GET', '/readyz')).status === 200);
    const user = { name: 'local', user: { token } };
    const cluster = { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': btoa(authority) };
    writeFileSync(
      at('kubeconfig'),
      JSON.stringify({
        ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'local', users: [user] },
        clusters: [{ name: 'local', cluster }],
        contexts: [{ name: 'local', context: { cluster: 'local', user: 'local' } }],
      }),
      { mode: 0o600 },
    );
    const alone = [`--kubeconfig=${at('kubeconfig')}`, '--leader-elect=false', '--bind-address=127.0.0.1'];
    start('kube-controller-manager', [
      ...alone,
      ...['--secure-port=0', `--service-account-private-key-file=${at('accounts.key')}`],
    ]);
    start('kube-scheduler', [...alone, '--secure-port=0']);
    start('kwok', [`--kubeconfig=${at('kubeconfig')}`, '--manage-all-nodes=true', '--node-lease-duration-seconds=40']);
    return { api, close };
  } catch (error) {
    const logs = running.map(({ name }) => `--- ${name}\n${readFileSync(at(`${name}.log`), 'utf8').slice(-1500)}`);
    await close();
    throw new Error(`${(error as Error).message}\n${logs.join('\n')}`);
  }
}
