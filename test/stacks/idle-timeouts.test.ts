/** Whoever sends requests over a kept connection closes it first; where the server does, a request meets a closed connection. */
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { execa, type ResultPromise } from 'execa';
import {
  type EnvironmentInput,
  placedServices,
  placementsOf,
  resolveEnvironment,
} from '../../environments/environment.ts';
import { local } from '../../environments/local.ts';
import { composeOf } from '../../local/containers/compose.ts';
import { openRouter, routerIdleMs } from '../../local/router/router.ts';
import { tierSettings } from '../../local/tiers.ts';
import { serviceNames } from '../../services/manifest.ts';
import { sample } from '../environments/sample.ts';
import { type Attributes, ofType, type StackJson, synthesized } from './synthesized.ts';

const children: ResultPromise[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    await child.catch(() => {});
  }
});

/** The server of every tier, as a process: answers how long it keeps an idle connection, in seconds. */
async function keptS(settings: Readonly<Record<string, string>>): Promise<number> {
  const program = `
    import { createApp, listen } from './services/shared/http/http.ts';
    import { createLogger } from './services/shared/log.ts';
    import { readSettings } from './services/shared/env.ts';
    const app = createApp({ log: createLogger('test', { level: 'silent' }), notReady: async () => null });
    await listen(app, { ...readSettings('web'), PORT: 0 }, async () => {});
    console.log(app.http.server.address().port);`;
  const child = execa(process.execPath, ['--input-type=module', '-e', program], {
    env: { PORT: '1', ...settings },
    extendEnv: false,
    buffer: false,
  });
  children.push(child);
  const [line] = (await Promise.race([once(child.stdout, 'data'), child])) as [Buffer];
  return timeoutOf(Number(line));
}

/** What a server tells its clients: `keep-alive: timeout=140`. */
const timeoutOf = (port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: '/livez', headers: { connection: 'keep-alive' } }, (answer) => {
      answer.resume();
      resolve(Number(/timeout=(\d+)/.exec(String(answer.headers['keep-alive']))?.[1]));
    })
      .once('error', reject)
      .end();
  });

/** The setting of every tier, from its container definitions or its boot script. */
function serversMs(stack: StackJson): number[] {
  const text = JSON.stringify([ofType(stack, 'aws_ecs_task_definition'), stack.locals]);
  return [...text.matchAll(/KEEP_ALIVE_TIMEOUT_MS(?:=|\W+value\W+)(\d+)/g)].map(([, ms]) => Number(ms));
}

const on = (platform: 'ecs' | 'vm', turnTimeoutMs: number): EnvironmentInput => {
  // Fargate gives 120 s to stop, instances as long as asked for.
  const longest = Math.max(120_000, turnTimeoutMs);
  return sample({
    tiers: Object.fromEntries(
      serviceNames.map((name) => [name, { platform, vcpu: 0.5, memoryMiB: 1024 }]),
    ) as EnvironmentInput['tiers'],
    limits: { turnTimeoutMs, deregistrationDelayMs: longest, stopTimeoutMs: longest },
  });
};

test.each([
  ['ecs', 5000],
  ['ecs', 100_000],
  ['vm', 100_000],
  ['vm', 3_600_000],
  ['vm', 7_200_000],
] as const)('on %s with turns of %d ms every tier keeps connections longer than both balancers', (platform, turnMs) => {
  const { service } = synthesized(on(platform, turnMs));
  const balancersMs = Object.values(ofType(service, 'aws_lb')).map(
    (one: Attributes) => Number(one.idle_timeout) * 1000,
  );
  expect(balancersMs).toHaveLength(2);
  const servers = serversMs(service);
  expect(new Set(servers).size).toBe(1);
  expect(servers.length).toBeGreaterThanOrEqual(serviceNames.length);
  expect(Math.min(...servers)).toBeGreaterThan(Math.max(...balancersMs));
});

describe('on one machine', () => {
  const environment = resolveEnvironment(local);

  test('every tier keeps connections longer than the router', () => {
    for (const name of placedServices(environment)) {
      const [placement] = placementsOf(environment, name);
      if (!placement) throw new Error(name);
      const given = tierSettings({ environment, name, placement, run: {}, outer: {} });
      const composed = composeOf(environment).services[name]?.environment;
      for (const { KEEP_ALIVE_TIMEOUT_MS } of [given, composed ?? {}] as { KEEP_ALIVE_TIMEOUT_MS?: string }[])
        expect({ name, longer: Number(KEEP_ALIVE_TIMEOUT_MS) > routerIdleMs.upstream }).toEqual({ name, longer: true });
    }
  });

  test('a tier’s server does what its setting says, and by default outlasts the default balancer', async () => {
    expect(await keptS({ KEEP_ALIVE_TIMEOUT_MS: '3000' })).toBe(3);
    const balancer = Object.values(ofType(synthesized(sample()).service, 'aws_lb'))[0];
    expect(await keptS({})).toBeGreaterThan(Number(balancer?.idle_timeout));
  });

  test('the router keeps connections longer than a proxy before it', async () => {
    const tier = createServer((_, answer) => answer.end()).listen(0, '127.0.0.1');
    await once(tier, 'listening');
    const { port } = tier.address() as AddressInfo;
    const replicas = () => [{ port, ready: true, outstanding: 0 }];
    const router = await openRouter({ port: 0, owner: () => 'web', replicas });
    try {
      expect(await timeoutOf(router.port)).toBe(routerIdleMs.server / 1000);
    } finally {
      await router.close();
      tier.close();
    }
  });
});
