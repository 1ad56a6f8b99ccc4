/** The program that runs compose files on this machine: Docker's where its engine answers, else podman-compose. */
import { podmanEnvironment } from '../../stacks/images/engine.ts';
import { run, works } from '../../stacks/images/run.ts';

export interface Composer {
  /** As it is typed. */
  readonly name: 'docker compose' | 'podman-compose';
  /** Runs it in the folder of the compose file; answers what it printed. @throws Error with what it said */
  run(args: readonly string[]): Promise<string>;
}

/** @throws Error naming what to install when there is none */
export async function findComposer(folder: string): Promise<Composer> {
  if ((await works('docker', ['info'])) && (await works('docker', ['compose', 'version'])))
    return { name: 'docker compose', run: (args) => run('docker', ['compose', ...args], { cwd: folder }) };
  const env = podmanEnvironment();
  if (await works('podman-compose', ['--version'], env))
    return { name: 'podman-compose', run: (args) => run('podman-compose', args, { cwd: folder, env }) };
  throw new Error(
    // Debian's 1.0.3 ignores pids_limit, so the budget would not be what the file says.
    'nothing runs compose files here: given neither Docker with its compose plugin nor podman-compose; start Docker, or: pip install podman-compose',
  );
}
