/** TCP ports on the loopback interface. */
import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { commandLine } from '../processes/process-identity.ts';

/**
 * Below the range from which Linux gives ports to outgoing connections (32768 to 60999): one of those, or of another
 * deployment's, would take the port before whoever it is meant for listens on it.
 */
const [portMin, portMax] = [20_000, 32_767] as const;
const triesMax = 100;
/** Of this process: whoever got one may not listen on it yet. A long run of tests needs some thousand. */
const given = new Set<number>();
const givenMax = (portMax - portMin) / 2;

/**
 * A port that was free a moment ago. A process gets each once; chosen at random, so that two processes seldom get the same.
 */
export async function freePort(): Promise<number> {
  if (given.size > givenMax) given.clear();
  for (let tries = 0; tries < triesMax; tries += 1) {
    const port = randomInt(portMin, portMax + 1);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no free TCP port from ${portMin} to ${portMax} on 127.0.0.1, ${triesMax} were tried`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listens = await new Promise<boolean>((resolve) =>
    server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true)),
  );
  if (listens) await new Promise((resolve) => server.close(resolve));
  return listens;
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
