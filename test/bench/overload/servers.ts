/** What is measured: the governor as a process of its own, heptamini beside it, and an endpoint behind them. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../../../local/router/ports.ts';
import { Lines } from './lines.ts';

export interface Server {
  readonly port: number;
  rssMiB(): number;
  stop(): Promise<void>;
}

/** Answers after `ms`. */
export async function startEndpoint(ms: number) {
  const seen = { inside: 0, most: 0, requests: 0 };
  const server = createServer((request, response) => {
    seen.requests += 1;
    seen.inside += 1;
    seen.most = Math.max(seen.most, seen.inside);
    response.once('close', () => {
      seen.inside -= 1;
    });
    request.resume();
    setTimeout(() => response.end('{}'), ms).unref();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    seen,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** @param jobTimeoutMs of the longest job: above it a slot is free again */
export const startGovernor = (slots: number, backend: string, jobTimeoutMs = 300_000) =>
  start((port) => [
    process.execPath,
    new URL('../../../services/governor/main.ts', import.meta.url).pathname,
    ...['--max-inflight', `${slots}`, '--backend', backend, '--port', `${port}`, '--job-timeout-ms', `${jobTimeoutMs}`],
  ]);

/** A program of heptamini, built from its source in the folder HEPTAMINI where there is Go; null: it cannot be had. */
export async function buildHeptamini(program: 'heptaminid' | 'heptaminic'): Promise<string | null> {
  const source = process.env.HEPTAMINI;
  if (!source || !existsSync(source)) return null;
  const go = existsSync('/usr/local/go/bin/go') ? '/usr/local/go/bin/go' : 'go';
  const binary = join(mkdtempSync(join(tmpdir(), 'bulkhead-heptamini-')), program);
  try {
    await promisify(execFile)(go, ['build', '-o', binary, `./cmd/${program}`], { cwd: source });
    return binary;
  } catch {
    return null;
  }
}

export async function startHeptamini(slots: number, stubMs: number): Promise<Server | null> {
  const binary = await buildHeptamini('heptaminid');
  const limits = ['--max_inflight', `${slots}`, '--stub_ms', `${stubMs}`];
  return binary === null ? null : start((port) => [binary, '--listen', `127.0.0.1:${port}`, ...limits]);
}

async function start(command: (port: number) => string[]): Promise<Server> {
  const port = await freePort();
  const [program = '', ...given] = command(port);
  const child = spawn(program, given, { stdio: 'ignore', env: { ...process.env, LOG_LEVEL: 'error' } });
  for (let tries = 0; ; tries += 1)
    try {
      (await Lines.open(port)).close();
      break;
    } catch (error) {
      if (tries > 200) throw error;
      await sleep(50);
    }
  return {
    port,
    rssMiB: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024,
    stop: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
