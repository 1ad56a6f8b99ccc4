/** `npm start -- --containers` as a person uses it: the first screen, a page, Ctrl-C. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect } from '@jest/globals';
import { execa } from 'execa';
import { podmanEnvironment } from '../../stacks/images/engine.ts';
import { projectFolder, works } from '../../stacks/images/run.ts';
import { testWith } from '../support/skip.ts';
import { buildAll } from './deployment.ts';
import { eventually, lacksPodman, podman } from './podman.ts';

const composer = await works('podman-compose', ['--version'], podmanEnvironment());
const test = testWith(lacksPodman ?? (composer ? null : 'podman-compose is not installed: pip install podman-compose'));

// Apart from the start: what builds them takes minutes on a busy machine.
beforeAll(async () => {
  if (!lacksPodman && composer) await buildAll();
}, 900_000);

test('an environment starts in containers, shows the first screen, and Ctrl-C takes it down', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-start-'));
  // A name of its own, so that nobody's containers and volumes are touched.
  const project = `bulkheadtest${randomBytes(3).toString('hex')}`;
  const deployment = execa(
    process.execPath,
    ['local/main.ts', '--containers', '--env=bench', '--port=0', `--data=${folder}`],
    { cwd: projectFolder, env: { COMPOSE_PROJECT_NAME: project }, all: true, reject: false },
  );
  let screen = '';
  deployment.all?.on('data', (text: Buffer) => {
    screen += text;
  });
  try {
    await eventually(async () => {
      expect(screen).toContain('Stop      Ctrl-C');
    }, 400_000);
    const url = screen.match(/Ready: (\S+)/)?.[1] as string;
    expect(screen).toMatch(/Sign in as the owner, once, with:\n {2}http:\/\/localhost:\d+\/sign-in#token=\S{20,}/);
    const page = await fetch(url, { headers: { accept: 'text/html' } });
    expect({ status: page.status, page: (await page.text()).includes('<div id="root"') }).toEqual({
      status: 200,
      page: true,
    });
    expect(await namesOf(project)).toHaveLength(8);

    deployment.kill('SIGINT');
    expect((await deployment).exitCode).toBe(0);
    expect(await namesOf(project)).toEqual([]);
  } finally {
    deployment.kill('SIGKILL');
    const left = await namesOf(project);
    // One that ends between podman's signal and its kill makes podman fail; the next try finds it stopped.
    if (left.length > 0) await eventually(() => podman('rm', '--force', '--ignore', '--time=1', ...left));
    const volumes = (await podman('volume', 'ls', '--quiet')).split('\n').filter((name) => name.startsWith(project));
    if (volumes.length > 0) await podman('volume', 'rm', '--force', ...volumes);
    await rm(folder, { recursive: true });
  }
}, 900_000);

async function namesOf(project: string): Promise<string[]> {
  const names = (await podman('ps', '--all', '--format={{.Names}}')).split('\n');
  return names.filter((name) => name.startsWith(project));
}
