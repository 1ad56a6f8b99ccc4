/**
 * `npm run check:cdktn`: the same stacks on `cdktn`, the maintained successor of the archived cdktf, compared with what
 * they are on cdktf. Opt-in, since it installs packages: into a folder of its own, under the alias that the successor's
 * documentation names. What may differ is stated in {@link comparable}.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { environments } from '../environments/index.ts';

const cdktn = '0.24.0';
/** What stacks and constructs import. cdktn 0.24 takes constructs below 10.8. */
const needed = ['constructs', '@cdktf/provider-aws', 'leven', 'zod'];

const root = new URL('..', import.meta.url).pathname;

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-cdktn-'));
  try {
    const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    for (const part of ['stacks', 'constructs', 'services'])
      await cp(join(root, part), join(folder, part), { recursive: true });
    await writeFile(
      join(folder, 'package.json'),
      JSON.stringify({
        name: 'bulkhead-on-cdktn',
        private: true,
        type: 'module',
        dependencies: {
          ...Object.fromEntries(needed.map((name) => [name, dependencies[name]])),
          cdktf: `npm:cdktn@${cdktn}`,
        },
      }),
    );
    console.log(`installing cdktn ${cdktn} as cdktf`);
    await execa('npm', ['install', '--legacy-peer-deps', '--no-audit', '--no-fund'], { cwd: folder });
    const differing: string[] = [];
    for (const name of Object.keys(environments)) {
      await synth(root, name, join(folder, 'ours'));
      await synth(folder, name, join(folder, 'theirs'));
      for (const part of ['foundation', 'service']) {
        const read = async (out: string) =>
          comparable(await readFile(join(folder, out, 'stacks', `${name}-${part}`, 'cdk.tf.json'), 'utf8'));
        const same = (await read('ours')) === (await read('theirs'));
        console.log(`${name}-${part}: ${same ? 'the same' : 'DIFFERS'}`);
        if (!same) differing.push(`${name}-${part}`);
      }
    }
    if (differing.length > 0) throw new Error(`cdktn writes something else for ${differing.join(', ')}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function synth(cwd: string, name: string, outdir: string): Promise<void> {
  await execa(process.execPath, ['--no-experimental-detect-module', 'stacks/main.ts', name], {
    cwd,
    env: { CDKTF_OUTDIR: outdir },
  });
}

/** Without cdktf's remarks (its name and version stand there), and with keys in one order. */
function comparable(text: string): string {
  const sorted = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(sorted);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key]) => key !== '//')
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, inner]) => [key, sorted(inner)]),
    );
  };
  return JSON.stringify(sorted(JSON.parse(text)));
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
