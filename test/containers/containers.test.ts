/** Every tier in its container, under the flags of the VM tier's unit, on networks that follow the connection matrix. */
import { mkdtemp, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { bench } from '../../environments/bench.ts';
import { pidsMax } from '../../environments/budget/container-flags.ts';
import { type ServiceName, services } from '../../services/manifest.ts';
import { routes } from '../../services/shared/contract/routes.ts';
import { reserveOf } from '../../services/shared/slots/share.ts';
import { prepare } from '../bench/load/calls.ts';
import { startLoad } from '../bench/load/generator.ts';
import { hugePdf, lacksManuals } from '../flows/documents.ts';
import { testWith } from '../support/skip.ts';
import { type ContainerDeployment, startContainers } from './deployment.ts';
import { bombPdf, heavyPdf } from './documents.ts';
import { evaluate, eventually, health, lacksPodman, podman, stateOf } from './podman.ts';

const lacks = lacksPodman ?? lacksManuals;
const test = testWith(lacks);

/** The least that a worker of one parser is allowed. */
const workerMiB = 448;
const uploadBytesMax = 20_000_000;
const chatSlots = 32; // Of the bench environment.
const environment = {
  ...bench,
  // The scratch space for two of them is part of the memory.
  limits: { uploadBytesMax },
  tiers: {
    ...bench.tiers,
    'document-worker': { platform: 'ecs' as const, vcpu: 1, memoryMiB: workerMiB, parserChildren: 1 },
  },
};

const placed = Object.keys(environment.tiers) as (keyof typeof environment.tiers)[];
const startTimeoutMs = 300_000; // Images are built here when nobody has built them.

let deployment: ContainerDeployment;
let folder: string;
let brain: string;

beforeAll(async () => {
  if (lacks) return;
  folder = await mkdtemp(join(tmpdir(), 'bulkhead-containers-'));
  deployment = await startContainers(environment);
  brain = (await deployment.owner.call(routes.createBrain, { body: { name: 'containers' } })).id;
}, startTimeoutMs);

afterAll(async () => {
  await deployment?.close();
  if (folder) await rm(folder, { recursive: true });
}, startTimeoutMs);

describe('a container', () => {
  test('runs under its budget, as nobody, with nothing to write but /tmp', async () => {
    for (const name of placed) {
      const [placement] = [environment.tiers[name]].flat();
      const said = JSON.parse(await evaluate(deployment.container(name), lookAround));
      expect({ name, ...said }).toEqual({
        name,
        memoryMiB: placement?.memoryMiB,
        vcpu: placement?.vcpu,
        pidsMax,
        uid: 65532,
        root: 'EROFS',
        app: 'EROFS',
        tmp: 'written',
        capabilities: '0000000000000000',
        privileges: 'no new ones',
      });
    }
  });

  test('reaches what its service declares, and nothing else, by name or by address', async () => {
    const addresses = await addressesOf(deployment);
    for (const from of placed) {
      const { calls, uses } = services[from];
      const declared: readonly string[] = [...calls, ...uses];
      const targets = Object.keys(addresses)
        .filter((to) => to !== from && !isCaller(to, from))
        .map((to) => ({ to, port: portOf(to), hosts: [to, ...(addresses[to] ?? [])] }));
      const open: string[] = JSON.parse(await evaluate(deployment.container(from), connectTo(targets)));
      expect({ from, open }).toEqual({ from, open: targets.map(({ to }) => to).filter((to) => declared.includes(to)) });
    }
  });

  test('without a configured endpoint has no way out', async () => {
    const outside = [{ to: 'outside', port: 443, hosts: ['192.0.2.1'] }];
    for (const from of placed)
      expect(JSON.parse(await evaluate(deployment.container(from), connectTo(outside)))).toEqual([]);
  });
});

describe('a parser', () => {
  test('has no credentials and no network of its own', async () => {
    const parsers = await parserPids(deployment);
    expect(parsers.length).toBeGreaterThan(0);
    for (const pid of parsers) {
      const environ = await readFile(`/proc/${pid}/environ`, 'utf8');
      expect(environ.split('\0').filter((entry) => entry && !/^NODE_CHANNEL_/.test(entry))).toEqual([]);
      expect(await readlink(`/proc/${pid}/ns/net`)).not.toBe(
        await readlink(`/proc/${await mainPid(deployment)}/ns/net`),
      );
    }
  });

  test(
    'that runs out of memory costs a page, not the container',
    async () => {
      const path = join(folder, 'bomb.pdf');
      await writeFile(path, await bombPdf());
      const before = await mainPid(deployment);
      const job = await deployment.owner.ingest(brain, path);
      const done = await deployment.owner.finished(job.id, startTimeoutMs);
      expect(done).toMatchObject({
        status: 'partial',
        progress: { pages_total: 3, pages_done: 3, pages_failed: 1, failed_pages: [2] },
      });
      expect(await mainPid(deployment)).toBe(before);
      expect(await health(deployment.container('document-worker'))).toBeNull();
    },
    startTimeoutMs,
  );
});

describe('scratch space', () => {
  test(
    'for two of the largest documents takes any number of them',
    async () => {
      const jobs = [];
      for (const name of ['1.pdf', '2.pdf', '3.pdf', '4.pdf', '5.pdf', '6.pdf']) {
        const path = join(folder, name);
        await writeFile(path, await heavyPdf(uploadBytesMax - 100_000));
        jobs.push(await deployment.owner.ingest(brain, path));
      }
      for (const { id } of jobs)
        expect(await deployment.owner.finished(id, startTimeoutMs)).toMatchObject({ status: 'succeeded' });
    },
    startTimeoutMs,
  );
});

describe('a document-worker at full load', () => {
  test(
    'leaves every health check green, drains in time, and another goes on where it stopped',
    async () => {
      const job = await deployment.owner.ingest(brain, hugePdf);
      await deployment.owner.until(job.id, ({ progress }) => progress.pages_done > 100, startTimeoutMs);
      for (const name of placed)
        expect({ name, fault: await health(deployment.container(name)) }).toEqual({ name, fault: null });
      await podman('stop', deployment.container('document-worker'));
      const stopped = await stateOf(deployment.container('document-worker'));
      expect(stopped).toMatchObject({ running: false, exitCode: 0 });

      await deployment.replace('document-worker');
      await deployment.owner.until(job.id, ({ progress }) => progress.pages_done > 300, startTimeoutMs);
      await exhaustMemory(deployment);
      await eventually(async () =>
        expect((await stateOf(deployment.container('document-worker'))).running).toBe(false),
      );
      // SIGKILL; nobody but the kernel sent one.
      expect(await stateOf(deployment.container('document-worker'))).toMatchObject({ exitCode: 137 });

      await deployment.replace('document-worker');
      const done = await deployment.owner.finished(job.id, startTimeoutMs);
      const total = done.progress.pages_total as number;
      expect(total).toBeGreaterThan(2000);
      expect(done).toMatchObject({
        status: 'succeeded',
        progress: { pages_done: total, pages_failed: 0 },
        usage: { pages: total },
      });
    },
    2 * startTimeoutMs,
  );
});

describe('chat with every slot taken and a vectorstore at full load', () => {
  test(
    'leave every health check green',
    async () => {
      const subject = await prepare(deployment);
      const loads = [await startLoad('chat', 40, subject), await startLoad('vectorstore', 16, subject)];
      try {
        // All that one tenant gets.
        const held = chatSlots - reserveOf(chatSlots);
        await eventually(async () => expect(await slotsInUse(deployment)).toBe(held));
        for (const name of placed)
          expect({ name, fault: await health(deployment.container(name)) }).toEqual({ name, fault: null });
        // Between two answers a slot may be free at any one instant.
        await eventually(async () => expect(await slotsInUse(deployment)).toBe(held));
      } finally {
        for (const load of loads) expect((await load.stop()).done).toBeGreaterThan(0);
      }
    },
    startTimeoutMs,
  );
});

describe('SIGTERM', () => {
  test(
    'ends every other tier well within its time',
    async () => {
      for (const name of placed.filter((each) => each !== 'document-worker')) {
        await podman('stop', deployment.container(name));
        expect({ name, ...(await stateOf(deployment.container(name))) }).toMatchObject({
          name,
          running: false,
          exitCode: 0,
        });
      }
    },
    startTimeoutMs,
  );
});

async function slotsInUse(containers: ContainerDeployment): Promise<number> {
  return (await containers.metric('chat', 'chat_inflight')) ?? Number.NaN;
}

/** A caller's network has no direction: what it calls can call back. Its callee's rules in the cloud forbid it. */
function isCaller(to: string, from: ServiceName): boolean {
  return to === 'gateway' ? services[from].routes.length > 0 : callsOf(to).includes(from);
}

function callsOf(name: string): readonly string[] {
  return name in services ? services[name as ServiceName].calls : [];
}

function portOf(name: string): number {
  const stores: Record<string, number> = { postgres: 5432, redis: 6379, gateway: 8080 };
  return stores[name] ?? services[name as ServiceName].port;
}

async function addressesOf({ compose, addresses }: ContainerDeployment): Promise<Record<string, string[]>> {
  const names = Object.keys(compose.services).filter((name) => name !== 'migrate');
  const entries = names.map(async (name) => [name, await addresses(name)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/** The worker itself: the container's first process, or with an init that process's child. */
async function mainPid({ container }: ContainerDeployment): Promise<number> {
  const format = '--format={{.State.Pid}}';
  const first = Number(await podman('inspect', '--type=container', format, container('document-worker')));
  const command = await readFile(`/proc/${first}/cmdline`, 'utf8');
  return command.includes('init') ? ((await childrenOf(first))[0] as number) : first;
}

async function parserPids(containers: ContainerDeployment): Promise<number[]> {
  return childrenOf(await mainPid(containers));
}

async function childrenOf(pid: number): Promise<number[]> {
  return (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').filter(Boolean).map(Number);
}

/** The kernel must choose the worker itself: another process fills the container's memory, and it is the better victim. */
async function exhaustMemory(containers: ContainerDeployment): Promise<void> {
  await writeFile(`/proc/${await mainPid(containers)}/oom_score_adj`, '1000');
  const hoard = 'const all = []; for (;;) all.push(Buffer.alloc(8 * 1024 * 1024, 1));';
  await evaluate(containers.container('document-worker'), hoard).catch(() => {});
}

const lookAround = `
  import { readFileSync, writeFileSync } from 'node:fs';
  const first = (...paths) => { for (const path of paths) try { return readFileSync(path, 'utf8').trim(); } catch {} };
  const write = (path) => { try { writeFileSync(path, 'x'); return 'written'; } catch (error) { return error.code; } };
  const [quota, period] = (first('/sys/fs/cgroup/cpu.max') ??
    first('/sys/fs/cgroup/cpu/cpu.cfs_quota_us') + ' ' + first('/sys/fs/cgroup/cpu/cpu.cfs_period_us')).split(' ');
  const status = readFileSync('/proc/self/status', 'utf8');
  console.log(JSON.stringify({
    memoryMiB: process.constrainedMemory() / 2 ** 20,
    vcpu: Number(quota) / Number(period),
    pidsMax: Number(first('/sys/fs/cgroup/pids.max', '/sys/fs/cgroup/pids/pids.max')),
    uid: process.getuid(),
    root: write('/x'),
    app: write('/app/main.js'),
    tmp: write('/tmp/x'),
    capabilities: status.match(/CapEff:\\s*(\\w+)/)[1],
    privileges: /NoNewPrivs:\\s*1/.test(status) ? 'no new ones' : 'may gain',
  }));`;

/** Prints the targets that take a connection, by any of their names and addresses. */
function connectTo(targets: readonly { to: string; port: number; hosts: readonly string[] }[]): string {
  return `
  import { connect } from 'node:net';
  const opens = (host, port) => new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 5000 });
    const end = (result) => () => { socket.destroy(); resolve(result); };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
  });
  const open = [];
  await Promise.all(${JSON.stringify(targets)}.map(async ({ to, port, hosts }) => {
    const results = await Promise.all(hosts.map((host) => opens(host, port)));
    if (results.includes(true)) open.push(to);
  }));
  const order = ${JSON.stringify(targets.map(({ to }) => to))};
  console.log(JSON.stringify(order.filter((to) => open.includes(to))));`;
}
