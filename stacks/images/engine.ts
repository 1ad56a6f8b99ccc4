/** The program that builds images on this machine: Docker where its engine answers, else buildah, which needs none. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Architecture } from './native-package.ts';
import { run, works } from './run.ts';

export interface BuildRequest {
  readonly tag: string;
  /** Folder that is copied into the image. */
  readonly context: string;
  readonly dockerfile: string;
  readonly args: Readonly<Record<string, string>>;
  readonly content: string;
  readonly architecture: Architecture;
}

export interface FoundImage {
  /** `sha256:...` */
  readonly id: string;
  /** Value of {@link contentLabel}; `''` when it has none. */
  readonly content: string;
}

/** Says what an image was made from. */
export const contentLabel = 'bulkhead.content';

export interface Engine {
  readonly name: 'docker' | 'buildah';
  build(request: BuildRequest): Promise<void>;
  find(tag: string): Promise<FoundImage | undefined>;
  /** Removes an image unless a container uses it. */
  remove(id: string): Promise<void>;
  /** @param to repository and tag. @returns digest of the manifest that the registry now has, `sha256:...` */
  push(tag: string, to: string): Promise<string>;
  /** @param password on standard input, never an argument: those are visible to every user */
  login(registry: string, user: string, password: string): Promise<void>;
}

/** @throws Error naming what to install when there is none */
export async function findEngine(): Promise<Engine> {
  if (await works('docker', ['info'])) return docker;
  if (await works('buildah', ['--version'])) return buildah;
  throw new Error(
    'no engine to build images: given neither a running Docker nor buildah; start Docker, or: apt-get install buildah podman runc netavark aardvark-dns catatonit iptables',
  );
}

/**
 * Without systemd (a container, a small VM) podman and buildah must be told to keep cgroups themselves, to build without
 * a container, and to leave the process limits of their parent. Where the machine has systemd, its own settings stand.
 */
export function podmanEnvironment(): Record<string, string> {
  if (existsSync('/run/systemd/system')) return {};
  return {
    CONTAINERS_CONF: process.env.CONTAINERS_CONF ?? join(import.meta.dirname, 'containers.conf'),
    BUILDAH_ISOLATION: process.env.BUILDAH_ISOLATION ?? 'chroot',
  };
}

const platforms: Readonly<Record<Architecture, string>> = { x64: 'linux/amd64', arm64: 'linux/arm64' };

function buildArguments({ tag, context, dockerfile, args, content, architecture }: BuildRequest): string[] {
  return [
    `--platform=${platforms[architecture]}`,
    `--file=${dockerfile}`,
    `--tag=${tag}`,
    ...Object.entries(args).map(([key, value]) => `--build-arg=${key}=${value}`),
    `--label=${contentLabel}=${content}`,
    context,
  ];
}

const docker: Engine = {
  name: 'docker',
  build: async (request) => {
    // Files have fixed times already; BuildKit sets the image's own by this.
    const fixed = ['--build-arg=SOURCE_DATE_EPOCH=0', '--provenance=false', '--quiet'];
    await run('docker', ['buildx', 'build', '--load', ...fixed, ...buildArguments(request)]);
  },
  find: (tag) => parse(() => run('docker', ['image', 'inspect', tag, '--format', found('.Id', '.Config.Labels')])),
  remove: async (id) => void (await works('docker', ['image', 'rm', id])),
  push: async (tag, to) => {
    await run('docker', ['tag', tag, to]);
    return digestIn(await run('docker', ['push', to]));
  },
  login: (registry, user, password) => login('docker', registry, user, password),
};

const buildah: Engine = {
  name: 'buildah',
  build: async (request) => {
    // format docker: OCI's format has no place for a health check.
    const fixed = ['--format=docker', '--timestamp=0', '--layers=false', '--pull=never', '--quiet'];
    await run('buildah', ['build', ...fixed, ...buildArguments(request)], { env: podmanEnvironment() });
  },
  find: (tag) =>
    parse(() =>
      run('buildah', ['inspect', '--type=image', `--format=${found('.FromImageID', '.Docker.Config.Labels')}`, tag], {
        env: podmanEnvironment(),
      }),
    ),
  remove: async (id) => void (await works('buildah', ['rmi', id], podmanEnvironment())),
  push: async (tag, to) => {
    const folder = await mkdtemp(join(tmpdir(), 'push-'));
    const digest = join(folder, 'digest');
    // A registry on this machine needs no certificate, as with Docker.
    const plain = /^(localhost|127\.0\.0\.1|\[::1\])[:/]/.test(to) ? ['--tls-verify=false'] : [];
    try {
      await run('buildah', ['push', ...plain, `--digestfile=${digest}`, tag, `docker://${to}`], {
        env: podmanEnvironment(),
      });
      return digestIn(await readFile(digest, 'utf8'));
    } finally {
      await rm(folder, { recursive: true });
    }
  },
  login: (registry, user, password) => login('buildah', registry, user, password),
};

const found = (id: string, labels: string) => `{{${id}}} {{index ${labels} "${contentLabel}"}}`;

async function parse(inspect: () => Promise<string>): Promise<FoundImage | undefined> {
  const said = await inspect().catch(() => '');
  const [, id, content = ''] = said.match(/^(?:sha256:)?([0-9a-f]{64}) (.*)/) ?? [];
  return id ? { id: `sha256:${id}`, content } : undefined;
}

async function login(command: string, registry: string, user: string, password: string): Promise<void> {
  const env = command === 'buildah' ? podmanEnvironment() : {};
  await run(command, ['login', '--username', user, '--password-stdin', registry], { env, input: password });
}

function digestIn(text: string): string {
  const digest = text.match(/sha256:[0-9a-f]{64}/)?.[0];
  if (!digest) throw new Error(`the engine named no digest: ${text.slice(-300)}`);
  return digest;
}
