/** Deployments of stand-ins for tests: the real PostgreSQL, Redis and router, small programs as tiers. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Programs } from '../../local/tiers.ts';

const script = fileURLToPath(new URL('./stand-in.ts', import.meta.url));

export const standIns: Programs = {
  tier: (name) => [script, name],
  migrate: [script, 'api', 'migrate'],
  ownerLink: [script, 'api', 'owner-link'],
};

/** What a test heard through `tell`. */
export function listener() {
  const lines: string[] = [];
  return { lines, tell: (line: string) => void lines.push(line) };
}

/** Waits for something that another process does; the test's own time limit ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 25));
}

/** A tier has a request to `/slow` in its hands. @param data the deployment's folder */
export async function isHolding(data: string, process: string): Promise<boolean> {
  return (await readFile(join(data, 'logs', `${process}.log`), 'utf8').catch(() => '')).includes('holding a request');
}

export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'deployment-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
