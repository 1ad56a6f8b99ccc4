/** TCP ports on the loopback interface. */
import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { commandLine } from '../processes/process-identity.ts';

/** A port that was free a moment ago. The kernel hands them out in turn, so it rarely gives the same one twice. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free TCP port on 127.0.0.1');
  return address.port;
}

/** The message for a port that cannot be taken. */
export function portTaken(port: number, holder: string | undefined): string {
  const who = holder ? `is held by ${holder}` : 'is held by another program';
  return `port ${port} ${who}; end that program, or choose another port: npm start -- --port ${port < 65_000 ? port + 1 : 8080}`;
}

/** Who listens on a port, as `process 123 (node server.js)`, as far as this user may see it. Needs `ss` or `lsof`. */
export async function portHolder(port: number): Promise<string | undefined> {
  const pid =
    (await output('ss', ['-Hltnp', `sport = :${port}`])).match(/pid=(\d+)/)?.[1] ??
    (await output('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fp'])).match(/^p(\d+)/m)?.[1];
  if (pid === undefined) return undefined;
  const command = await commandLine(Number(pid));
  return `process ${pid}${command && ` (${command.length > 60 ? `${command.slice(0, 57)}...` : command})`}`;
}

async function output(command: string, args: string[]): Promise<string> {
  return promisify(execFile)(command, args, { timeout: 2000 }).then(
    ({ stdout }) => stdout,
    () => '',
  );
}
