/**
 * An environment in containers: its images, one network per declared edge, every tier under the very flags of the VM
 * tier's systemd unit.
 */
import { randomBytes } from 'node:crypto';
import { containerFlags } from '../../constructs/container-flags.ts';
import { type ServiceName, serviceNames } from '../../services/manifest.ts';
import { type Compose, composeOf } from '../../stacks/compose/compose.ts';
import type { Service } from '../../stacks/compose/service.ts';
import { type EnvironmentInput, resolveEnvironment } from '../../stacks/environment.ts';
import { buildImages, ensureBase, ensureDoor, ensureStore } from '../../stacks/images/build.ts';
import { findEngine } from '../../stacks/images/engine.ts';
import { freePort } from '../../stacks/local/ports.ts';
import { Client } from '../flows/client.ts';
import { eventually, execIn, health, podman } from './podman.ts';

export interface ContainerHouse {
  readonly compose: Compose;
  readonly url: string;
  readonly owner: Client;
  /** Full name of the container of a service. */
  container(service: string): string;
  /** A service that stopped or was killed, started again in a new container. */
  replace(service: string): Promise<void>;
  /** Until the image's health check passes. */
  ready(service: string, timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

export interface ContainerOptions {
  /** Further `podman run` flags of a service. */
  readonly flags?: Readonly<Record<string, readonly string[]>>;
  /** Settings of a service that beat the environment's. */
  readonly settings?: Partial<Record<ServiceName, Readonly<Record<string, string>>>>;
  /** In place of a tier's own budget and isolation. */
  readonly limits?: (service: ServiceName, flags: readonly string[]) => readonly string[];
}

/** Builds what is not built yet: the images of all services, and what stands around them. */
export async function buildAll(): Promise<void> {
  const engine = await findEngine();
  const base = await ensureBase(engine);
  await ensureStore('postgres', engine, base);
  await ensureStore('redis', engine, base);
  await ensureDoor(engine, base);
  await buildImages({ engine, base });
}

export async function startContainers(
  input: EnvironmentInput,
  { flags = {}, settings = {}, limits = (_service, own) => own }: ContainerOptions = {},
): Promise<ContainerHouse> {
  await buildAll();
  const environment = resolveEnvironment(input);
  const compose = composeOf(environment);
  const prefix = `bh${randomBytes(3).toString('hex')}`;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = envFile(port, url);
  const container = (service: string) => `${prefix}-${service}`;

  const run = async (service: string, { detach = true } = {}) => {
    const description = fill(compose.services[service] as Service, env);
    const tier = serviceNames.find((name) => service === name || service.startsWith(`${name}-`));
    const { stopTimeoutMs } = environment.limits;
    const own = tier
      ? limits(tier, containerFlags({ ...tierBudget(description), stopTimeoutMs }))
      : storeFlags(description);
    const variables = { ...description.environment, ...(tier && settings[tier]) };
    await podman(
      'run',
      ...(detach ? ['--detach'] : ['--rm']),
      `--name=${container(service)}`,
      ...own,
      ...(flags[service] ?? []),
      ...Object.entries(variables).map(([name, value]) => `--env=${name}=${value}`),
      ...(description.volumes ?? []).map((volume) => `--volume=${prefix}-${volume}`),
      ...(description.ports ?? []).map((mapping) => `--publish=${mapping}`),
      ...Object.keys(description.networks).map((name) => `--network=${prefix}-${name}:alias=${service}`),
      ...('image' in description ? [description.image] : []),
      ...(description.command ?? []),
    );
  };

  const close = async () => {
    const names = Object.keys(compose.services).map(container);
    await podman('rm', '--force', '--ignore', '--time=1', '--volumes', ...names);
    for (const name of Object.keys(compose.networks)) await podman('network', 'rm', '--force', `${prefix}-${name}`);
    for (const name of Object.keys(compose.volumes)) await podman('volume', 'rm', '--force', `${prefix}-${name}`);
  };
  const ready = (service: string, timeoutMs = 90_000) =>
    eventually(async () => {
      const fault = await health(container(service));
      if (fault) throw new Error(`${service}: ${fault}\n${await logs(container(service))}`);
    }, timeoutMs);

  try {
    for (const [name, network] of Object.entries(compose.networks))
      await podman(
        'network',
        'create',
        ...(network.internal ? ['--internal'] : ['--opt=isolate=true']),
        `${prefix}-${name}`,
      );
    await run('postgres');
    await run('redis');
    await eventually(() => execIn(container('postgres'), 'pg_isready'));
    await eventually(() => run('migrate', { detach: false }), 30_000);
    for (const name of Object.keys(compose.services))
      if (!['postgres', 'redis', 'migrate'].includes(name)) await run(name);
    for (const name of Object.keys(compose.services))
      if (!['postgres', 'redis', 'migrate'].includes(name)) await ready(name);
    const { token } = JSON.parse(await execIn(container(firstOf(compose, 'api')), 'node', 'main.js', 'owner-link'));
    const owner = new Client(url);
    await owner.signInByLink(token);
    const replace = async (service: string) => {
      await podman('rm', '--force', '--time=1', container(service));
      await run(service);
      await ready(service);
    };
    return { compose, url, owner, container, ready, replace, close };
  } catch (error) {
    await close();
    throw error;
  }
}

export async function logs(container: string, lines = 20): Promise<string> {
  return podman('logs', `--tail=${lines}`, container).catch((error: Error) => error.message);
}

function firstOf(compose: Compose, tier: ServiceName): string {
  return compose.services[tier] ? tier : `${tier}-1`;
}

function tierBudget({ cpus, mem_limit }: Service) {
  return { vcpu: cpus, memoryMiB: Number.parseInt(mem_limit, 10) };
}

function storeFlags({ cpus, mem_limit, pids_limit, tmpfs = [] }: Service): string[] {
  return [
    '--init',
    `--cpus=${cpus}`,
    `--memory=${mem_limit}`,
    `--memory-swap=${mem_limit}`,
    `--pids-limit=${pids_limit}`,
    ...tmpfs.map((mount) => `--tmpfs=${mount}`),
  ];
}

function envFile(port: number, url: string): Record<string, string> {
  const secret = () => randomBytes(32).toString('base64url');
  return {
    PORT: String(port),
    PUBLIC_URL: url,
    POSTGRES_IMAGE: 'localhost/bulkhead/postgres',
    REDIS_IMAGE: 'localhost/bulkhead/redis',
    POSTGRES_PASSWORD: secret(),
    REDIS_PASSWORD: secret(),
    SERVICE_TOKEN_SECRET: secret(),
    AUTH_SECRET: secret(),
  };
}

/** Puts the values of `.env` in place, as compose does. */
function fill(service: Service, env: Readonly<Record<string, string>>): Service {
  const text = JSON.stringify(service);
  return JSON.parse(text.replaceAll(/\$\{(\w+)(?::-[^}]*)?\}/g, (_, name: string) => env[name] as string));
}
