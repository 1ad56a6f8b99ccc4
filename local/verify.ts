/** `npm run verify`: the conservation check on the service that `npm start` runs here. Reads only. */
import { spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { projectFolder } from '../stacks/images/run.ts';
import { type Settings, serviceCommand } from './tiers.ts';

/** What the check needs to reach the stores of a run: secrets included, so only its owner may read it. */
const settingsPath = (data: string) => join(data, 'verify.json');

/** Written by a start when everything is up, so that the check finds a run of its own data folder. */
export async function offerToVerify(data: string, settings: Settings): Promise<void> {
  await writeFile(settingsPath(data), JSON.stringify(settings), { mode: 0o600 });
}

export const withdrawVerify = (data: string): Promise<void> => rm(settingsPath(data), { force: true });

/** @returns its exit code: 0 when everything adds up @throws Error when nothing runs on the folder */
async function verify(data: string, options: readonly string[]): Promise<number> {
  const text = await readFile(settingsPath(data), 'utf8').catch(() => null);
  if (text === null) throw new Error(`nothing runs on ${data}; start it first, and leave it running: npm start`);
  const program = [`${projectFolder}services/document-worker/main.ts`, 'verify', ...options] as const;
  const { command, args, env, cwd } = serviceCommand(program, JSON.parse(text) as Settings, [], process.env);
  // Its standard input stays open: when that ends, a program of the local run takes its parent for gone.
  const child = spawn(command, args, { env, cwd, stdio: ['pipe', 'inherit', 'inherit'] });
  return new Promise((done, fail) => child.once('error', fail).once('exit', (code) => done(code ?? 1)));
}

if (import.meta.main) {
  const { data, json } = new Command('npm run verify --')
    .description('Checks that nothing accepted is missing, nothing deleted is left and nothing stands twice.')
    .option('--data <dir>', 'where everything is kept', `${projectFolder}.data`)
    .option('--json', 'prints what was found as JSON')
    .parse()
    .opts<{ data: string; json?: true }>();
  process.exitCode = await verify(resolve(data), json ? ['--json'] : []).catch((error: Error) => {
    console.error(error.message);
    return 1;
  });
}
