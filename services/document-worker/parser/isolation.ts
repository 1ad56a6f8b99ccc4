/** What a parser child is denied, and what this platform lets us deny. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { networkFilter } from './network-filter.ts';

export interface Isolation {
  /** The command line of a child, without its module. */
  readonly command: readonly [file: string, ...parameters: string[]];
  /** Whether a child can reach no network. */
  readonly network: 'none' | 'open';
  readonly holds: readonly string[];
  /** With the reason the platform gave. */
  readonly refused: readonly string[];
}

export interface IsolationOptions {
  /** The module a child runs; its folder may be read. */
  readonly childModule: string;
  /** Documents lie here; it may be read. */
  readonly folder: string;
  /** What a child may have, of everything that it writes to. */
  readonly memoryMaxMiB: number;
  /** Folder of `unshare`, `setpriv` and `prlimit`. @default where the system looks */
  readonly tools?: string | undefined;
}

/** JavaScript objects of one child, in MiB. PDFium's own memory comes on top, up to the limit. */
const heapMiB = 96;
/** Pages are short-lived: V8 would grow its young generation by 25 MiB over 5,000 of them, and be no faster. */
const heapFlags = [`--max-old-space-size=${heapMiB}`, '--max-semi-space-size=1'];

/** Tries on this machine what can be given up: the network, privileges, outliving the worker. */
export async function isolate({ childModule, folder, memoryMaxMiB, tools = '' }: IsolationOptions): Promise<Isolation> {
  const holds = [
    'empty environment',
    'Node permission model: no child processes, workers, native addons or writes; reads only of parser code and documents',
    `heap of ${heapMiB} MiB`,
  ];
  const refused: string[] = [];
  const wrappers: string[] = [];
  /** @param proof what must work under a candidate before it counts */
  const attempt = async (what: string, candidates: readonly (readonly string[])[], proof: readonly string[]) => {
    const faults: string[] = [];
    for (const candidate of candidates) {
      const fault = await run([...candidate, process.execPath, ...proof]);
      if (fault === null) {
        wrappers.push(...candidate);
        holds.push(what);
        return true;
      }
      faults.push(`${candidate[0]}: ${fault}`);
    }
    refused.push(`${what} (${faults.join('; ')})`);
    return false;
  };
  const [unshare, setpriv, prlimit] = [join(tools, 'unshare'), join(tools, 'setpriv'), join(tools, 'prlimit')];
  const filter = join(folder, 'no-sockets.bpf');
  const program = networkFilter();
  if (program) await writeFile(filter, program);
  const network = await attempt(
    'no network',
    [
      [unshare, '-n', '--'],
      [unshare, '-rn', '--'],
      // Containers allow no namespaces by default, but a filter.
      ...(program ? [[setpriv, '--no-new-privs', '--seccomp-filter', filter, '--']] : []),
    ],
    ['-e', noNetwork],
  );
  await attempt(
    'no new privileges, killed with the worker',
    [[setpriv, '--no-new-privs', '--pdeathsig', 'KILL', '--']],
    ['--version'],
  );
  // A child that is only watched can take a whole container's memory between two looks, and the kernel then the worker.
  const mapped = await mappedBytes();
  const memory = `memory of ${memoryMaxMiB} MiB`;
  if (mapped === null) refused.push(`${memory} (the system does not tell what a process has)`);
  else await attempt(memory, [[prlimit, `--data=${mapped + memoryMaxMiB * 2 ** 20}`, '--']], ['--version']);
  const [file, ...parameters] = [...wrappers, process.execPath, ...nodeFlags(childModule, folder)];
  return { command: [file as string, ...parameters], network: network ? 'none' : 'open', holds, refused };
}

/**
 * What Node may write to and does not touch, of which there is half a gigabyte, or does before any document. Null where no
 * system tells, as on macOS.
 */
async function mappedBytes(): Promise<number | null> {
  const script = "console.log(require('node:fs').readFileSync('/proc/self/status', 'utf8'))";
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [...heapFlags, '-e', script], { timeout: 5000 });
    const [, kib] = /VmData:\s+(\d+)/.exec(stdout) ?? [];
    return kib === undefined ? null : Number(kib) * 1024;
  } catch {
    return null;
  }
}

/** Fails unless even this machine's own loopback is out of reach; a refused connection reached it. */
const noNetwork = `
  const reached = () => {
    console.error('the network can still be reached');
    process.exit(1);
  };
  require('node:net').connect(9, '127.0.0.1').once('connect', reached)
    .once('error', ({ code }) => code === 'ECONNREFUSED' && reached());`;

function nodeFlags(childModule: string, folder: string): string[] {
  const pdfium = dirname(dirname(createRequire(import.meta.url).resolve('@embedpdf/pdfium')));
  // The package.json files above a module say that it is ESM.
  const manifests = [...parents(childModule), ...parents(import.meta.dirname)].map((at) => join(at, 'package.json'));
  const readable = new Set([dirname(childModule), import.meta.dirname, pdfium, folder, ...manifests]);
  return [
    ...heapFlags,
    '--permission',
    ...[...readable].map((path) => `--allow-fs-read=${path}`),
    '--disable-warning=ExperimentalWarning',
    '--disable-warning=SecurityWarning',
  ];
}

function parents(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [] : [parent, ...parents(parent)];
}

/** Null when the command works here, else why not. */
async function run([file, ...parameters]: readonly string[]): Promise<string | null> {
  try {
    await promisify(execFile)(file as string, parameters, { env: {}, timeout: 5000 });
    return null;
  } catch (error) {
    const { code, stderr, message } = error as Error & { code?: unknown; stderr?: string };
    return code === 'ENOENT' ? 'not installed' : firstLine(stderr) || message;
  }
}

const firstLine = (text = '') => text.trim().split('\n')[0];
