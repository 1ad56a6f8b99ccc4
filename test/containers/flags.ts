/** `podman run` flags from the services of a compose file. Pure. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { containerFlags } from '../../environments/budget/container-flags.ts';
import type { Environment } from '../../environments/environment.ts';
import type { Compose } from '../../local/containers/compose.ts';
import { sustainedCpus } from '../../local/containers/cpus.ts';
import { composeSecrets } from '../../local/containers/files.ts';
import type { Service } from '../../local/containers/service.ts';
import { serviceNames } from '../../services/manifest.ts';
import { projectFolder } from '../../stacks/images/run.ts';

/** A tier's budget and isolation: the flags of the VM tier's unit. */
export function tierFlags(service: Service, stopTimeoutMs: number): string[] {
  const { cpus, mem_limit, tmpfs } = service;
  return [
    ...containerFlags({
      vcpu: cpus,
      memoryMiB: Number.parseInt(mem_limit, 10),
      tmpMiB: tmpMiBOf(tmpfs),
      stopTimeoutMs,
    }),
    // Compose's own: a VM has nobody to give way to.
    ...sharedMachineFlags(service),
  ];
}

function tmpMiBOf(tmpfs: Service['tmpfs'] = []): number {
  return Number(tmpfs.join().match(/^\/tmp:.*\bsize=(\d+)m$/)?.[1]);
}

function sharedMachineFlags({ cpu_shares, cpuset, dns_opt = [] }: Service): string[] {
  return [
    ...dns_opt.map((option) => `--dns-opt=${option}`),
    ...(cpu_shares === undefined ? [] : [`--cpu-shares=${cpu_shares}`]),
    ...(cpuset === undefined ? [] : [`--cpuset-cpus=${cpuset}`]),
  ];
}

/** The same of a part that is no tier, which the VM tier does not know. */
export function serviceFlags(service: Service): string[] {
  const { cpus, mem_limit, pids_limit, tmpfs = [] } = service;
  const limits = [
    `--cpus=${cpus}`,
    `--memory=${mem_limit}`,
    `--memory-swap=${mem_limit}`,
    `--pids-limit=${pids_limit}`,
  ];
  return ['--init', ...limits, ...sharedMachineFlags(service), ...tmpfs.map((mount) => `--tmpfs=${mount}`)];
}

/** All tiers in one container with their CPUs and memory summed up: what a monolith is given. */
export function togetherArguments(compose: Compose, full: (name: string) => string, stopTimeoutMs: number): string[] {
  const names = serviceNames.filter((name) => compose.services[name]);
  const tiers = names.map((name) => [name, compose.services[name] as Service] as const);
  const sum = (of: (service: Service) => number) => tiers.reduce((total, [, service]) => total + of(service), 0);
  const limits = {
    vcpu: sum(({ cpus }) => cpus),
    memoryMiB: sum(({ mem_limit }) => Number.parseInt(mem_limit, 10)),
    tmpMiB: sum(({ tmpfs }) => tmpMiBOf(tmpfs)),
    stopTimeoutMs,
  };
  const networks = [...new Set(tiers.flatMap(([, service]) => Object.keys(service.networks)))];
  const aliases = names.map((name) => `alias=${name}`).join(',');
  return [
    ...containerFlags(limits),
    // Five services' threads; the limit must not be what slows it down.
    '--pids-limit=1024',
    '--user=65532:65532',
    `--volume=${full('documents')}:/data`,
    ...names.map((name) => `--volume=${join(projectFolder, cache, name, 'app')}:/apps/${name}:ro`),
    ...networks.map((network) => `--network=${full(network)}:${aliases}`),
    // Of the process that api and chat share, with the memory of both.
    `--env=NODE_OPTIONS=${compose.services.chat?.environment.NODE_OPTIONS ?? ''}`,
    `--env=TIERS=${JSON.stringify(Object.fromEntries(tiers.map(([name, { environment }]) => [name, environment])))}`,
    'localhost/bulkhead/api',
    ...['node', '--input-type=module', '-e', supervisor],
  ];
}

const cache = 'node_modules/.cache/bulkhead-images';

/** Chat answers in the process of the api, as in a service that was never parted; the others compute all the time. */
const supervisor = `
  import { spawn } from 'node:child_process';
  const tiers = JSON.parse(process.env.TIERS);
  const { PATH } = process.env;
  const environmentOf = (name) => ({ PATH, NODE_ENV: 'production', HOST: '0.0.0.0', ...tiers[name] });
  const inside = ['api', 'chat'].filter((name) => tiers[name]);
  for (const name of Object.keys(tiers).filter((name) => !inside.includes(name))) {
    const child = spawn(process.execPath, ['main.js'], { cwd: '/apps/' + name, env: environmentOf(name), stdio: 'inherit' });
    child.once('exit', (code) => process.exit(code ?? 1));
    process.once('SIGTERM', () => child.kill('SIGTERM'));
  }
  for (const name of inside) {
    process.env = environmentOf(name);
    process.chdir('/apps/' + name);
    await import('/apps/' + name + '/main.js');
  }`;

/** What stands in compose's `.env` file. */
export function variablesFor(url: string, environment: Environment): Record<string, string> {
  return {
    PORT: new URL(url).port,
    PUBLIC_URL: url,
    SUSTAINED_CPUS: sustainedCpus(environment, availableParallelism()),
    POSTGRES_IMAGE: 'localhost/bulkhead/postgres',
    REDIS_IMAGE: 'localhost/bulkhead/redis',
    ...composeSecrets(),
  };
}

/** Puts the values of `.env` in place, as compose does. */
export function fill(compose: Compose, variables: Readonly<Record<string, string>>): Compose {
  const reference = /\$\{(\w+)(?::-[^}]*)?\}/g;
  return JSON.parse(
    JSON.stringify(compose).replaceAll(reference, (_, name: string) =>
      JSON.stringify(variables[name] ?? '').slice(1, -1),
    ),
  );
}
