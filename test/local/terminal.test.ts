import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { isAlive, type ProcessIdentity } from '../../local/processes/process-identity.ts';
import { isHolding, temporaryFolder, until } from './stand-ins.ts';

const program = fileURLToPath(new URL('./deployment-program.ts', import.meta.url));
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const started: ChildProcess[] = [];

beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => {
  for (const child of started.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGINT');
      await once(child, 'close');
    }
  }
  await folder.remove();
});

/** Starts a deployment as a person does; `text()` is what the terminal shows. */
function start(port = 0) {
  const child = spawn(process.execPath, [program, folder.path, String(port)], { stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  const closed = once(child, 'close').then(([code]) => code as number | null);
  const ready = async () => {
    await until(() => text.includes('Ready: ') || child.exitCode !== null);
    expect(text).toContain('Ready: ');
    return /Ready: (\S+)/.exec(text)?.[1] as string;
  };
  return { child, ready, closed, text: () => text };
}

const recorded = async () =>
  JSON.parse(await readFile(join(folder.path, 'processes.json'), 'utf8')) as (ProcessIdentity & { name: string })[];

const noneAlive = async (identities: ProcessIdentity[]) =>
  (await Promise.all(identities.map(isAlive))).every((is) => !is);

test('a start shows its steps and ends with what a person needs; Ctrl-C stops everything and exits with 0', async () => {
  const deployment = start();
  const url = await deployment.ready();
  const text = deployment.text();
  for (const part of [
    'Check this machine',
    'Start PostgreSQL',
    'Start Redis: ',
    'Start chat, api, web, document-worker',
  ])
    expect(text).toContain(part);
  expect(text).toContain(`${url}/sign-in#token=once-only`);
  expect(text).toContain(`Data      ${folder.path}`);
  expect(text).toContain('Answers   extractive: the best passages, quoted and cited.');
  const children = await recorded();
  expect(children.map(({ name }) => name).sort()).toEqual([
    'api',
    'chat',
    'document-worker',
    'postgres',
    'redis',
    'vectorstore',
    'web',
  ]);
  deployment.child.kill('SIGINT');
  // npm sends the same key a second time; that is not a second wish.
  deployment.child.kill('SIGINT');
  expect(await deployment.closed).toBe(0);
  expect(deployment.text()).toContain('Stopping: requests under way may end. Ctrl-C again ends everything now.');
  expect(deployment.text()).toContain('Stopped; everything is kept in the data folder.');
  expect(await noneAlive(children)).toBe(true);
});

test('a second Ctrl-C ends what is still draining', async () => {
  const deployment = start();
  const url = await deployment.ready();
  const held = fetch(`${url}/v1/slow?ms=600000`).catch(() => {});
  await until(() => isHolding(folder.path, 'api'));
  deployment.child.kill('SIGINT');
  await until(() => deployment.text().includes('Stopping'));
  await new Promise((resolve) => setTimeout(resolve, 1100));
  expect(deployment.child.exitCode).toBeNull();
  deployment.child.kill('SIGINT');
  expect(await deployment.closed).toBe(0);
  await held;
});

test('SIGTERM while it starts stops what was started by then', async () => {
  const deployment = start();
  await until(() => deployment.text().includes('Start Redis'));
  deployment.child.kill('SIGTERM');
  expect(await deployment.closed).toBe(0);
  expect(await noneAlive(await recorded())).toBe(true);
});

test('kill -9 of the program alone: its children end by themselves, and the next start works', async () => {
  const deployment = start();
  await deployment.ready();
  const children = await recorded();
  deployment.child.kill('SIGKILL');
  await deployment.closed;
  await until(() => noneAlive(children));
  const next = start();
  await next.ready();
  expect(next.text()).toContain(
    `the last run (process ${deployment.child.pid}) ended without unlocking ${folder.path}; its lock was taken over`,
  );
});

test('kill -9 of the program and a start at once: what still runs is stopped first', async () => {
  const deployment = start();
  await deployment.ready();
  // Stopped processes cannot see that their parent is gone: they are there for certain when the next start looks.
  const children = (await recorded()).filter(({ name }) => name === 'api' || name === 'chat');
  for (const { pid } of children) process.kill(pid, 'SIGSTOP');
  deployment.child.kill('SIGKILL');
  await deployment.closed;
  const next = start();
  await next.ready();
  expect(next.text()).toMatch(/stopped what the last run left running: .*api/);
  expect(await noneAlive(children)).toBe(true);
});

test('kill -9 of everything: the next start finds a database it can use', async () => {
  const deployment = start();
  await deployment.ready();
  deployment.child.kill('SIGKILL');
  for (const { pid } of await recorded()) process.kill(pid, 'SIGKILL');
  await deployment.closed;
  const next = start();
  await next.ready();
});

test('an occupied port ends the start with what to do, and 1', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const deployment = start(port);
  expect(await deployment.closed).toBe(1);
  expect(deployment.text()).toContain(`port ${port} is held by process ${process.pid} (`);
  expect(deployment.text()).toContain(`choose another port: npm start -- --port ${port < 65_000 ? port + 1 : 8080}`);
  server.close();
});
