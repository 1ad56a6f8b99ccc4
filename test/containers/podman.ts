/** podman, as the container tests use it. */
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { execa } from 'execa';
import { podmanEnvironment } from '../../stacks/images/engine.ts';

/** Runs podman. @throws Error with what it said */
export async function podman(...args: string[]): Promise<string> {
  // conmon leaves a file named `oom` in the folder it was started in.
  const options = { env: podmanEnvironment(), cwd: tmpdir(), reject: false };
  const { stdout, stderr, failed, exitCode } = await execa('podman', args, options);
  if (failed) throw new Error(`podman ${args.join(' ')} ended with ${exitCode}:\n${stderr.slice(-2000)}`);
  return stdout;
}

/** Why containers cannot run here; null when they can. */
export const lacksPodman = ((): string | null => {
  const env = { ...process.env, ...podmanEnvironment() };
  for (const program of ['podman', 'buildah', 'runc'])
    try {
      execFileSync(program, ['--version'], { env, stdio: 'ignore' });
    } catch {
      return `${program} is not installed: apt-get install podman buildah runc netavark aardvark-dns catatonit iptables binutils`;
    }
  if (process.getuid?.() !== 0) return 'limits and networks need root here: run the tests as root';
  return null;
})();

/** One program in a running container, without a shell. */
export async function execIn(container: string, ...command: string[]): Promise<string> {
  return podman('exec', container, ...command);
}

/** JavaScript in a container of ours; what it prints. */
export async function evaluate(container: string, script: string): Promise<string> {
  return execIn(container, 'node', '--input-type=module', '-e', script);
}

export interface State {
  readonly running: boolean;
  readonly exitCode: number;
}

export async function stateOf(container: string): Promise<State> {
  const [state] = JSON.parse(await podman('inspect', '--type=container', '--format=json', container));
  const { Running: running, ExitCode: exitCode } = state.State;
  return { running, exitCode };
}

/** The image's own health check, run now: podman's timers need systemd. Null when healthy, else what it printed. */
export async function health(container: string): Promise<string | null> {
  return podman('healthcheck', 'run', container).then(
    () => null,
    (error: Error) => error.message,
  );
}

/** Until it holds. @throws Error with the last fault */
export async function eventually(holds: () => Promise<unknown>, timeoutMs = 150_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;)
    try {
      await holds();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
}
