/**
 * `npm run clone -- dev review7`: a new environment like another. Writes its file, its images (none pushed yet) and its
 * line in environments/index.ts; nothing is deployed.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { placeholderDigest } from '../constructs/tier/placeholder.ts';
import { type EnvironmentInput, resolveEnvironment } from '../environments/environment.ts';
import { environments } from '../environments/index.ts';

export interface Cloned {
  readonly file: string;
  readonly images: string;
  readonly index: string;
}

export interface CloneOptions {
  /** Where people reach the clone. @default that of the other, with its name replaced */
  readonly host?: string | undefined;
}

/** Words that the files beside an environment's have. */
const otherFiles = ['environment', 'index', 'local'];

/**
 * The texts of a clone's files, given those of the environment that it is like.
 *
 * @throws Error saying what was given, what is allowed, what to do.
 */
export function cloned(
  from: string,
  to: string,
  source: { readonly file: string; readonly index: string; readonly input: EnvironmentInput },
  { host }: CloneOptions = {},
): Cloned {
  const taken = Object.keys(environments);
  if (!taken.includes(from)) throw new Error(`no environment '${from}'; allowed: ${taken.join(', ')}`);
  if (taken.includes(to) || otherFiles.includes(to))
    throw new Error(`'${to}' is there already; allowed: a name beside ${[...taken, ...otherFiles].join(', ')}`);
  const { aws } = source.input;
  const publicHost = aws?.publicHost;
  const word = new RegExp(`(?<![A-Za-z0-9])${from}(?![A-Za-z0-9])`, 'g');
  const renamed = (text: string) => text.replaceAll(word, to);
  const newHost = host ?? renamed(publicHost ?? '');
  // The schema's own word about name and host, before anything is written.
  resolveEnvironment({ ...source.input, name: to, ...(aws && { aws: { ...aws, publicHost: newHost } }) });
  if (newHost === publicHost)
    throw new Error(`'${publicHost}' does not say '${from}', and both cannot have it; give the clone's with --host`);
  const lines = source.file.split('\n').map((line) => {
    if (line.startsWith('export const ')) return renamed(line);
    // Settings hold names as text; what a comment says of the other is not said of this one.
    return line.replaceAll(/'[^']*'/g, renamed);
  });
  const file = lines.join('\n').replace(/publicHost: '[^']*'/, () => `publicHost: '${newHost}'`);
  const ends = source.index.lastIndexOf('\n};');
  const registers = `\n  ${to}: async () => (await import('./${to}.ts')).${to},`;
  return {
    file: withoutHead(file, `/** Like ${from}: \`npm run clone -- ${from} ${to}\`. */`),
    // Digests are of a registry, and the clone has its own.
    images: `${JSON.stringify(Object.fromEntries(Object.keys(source.input.tiers).map((name) => [name, placeholderDigest])), undefined, 2)}\n`,
    index: source.index.slice(0, ends) + registers + source.index.slice(ends),
  };
}

/** What the file says of itself is of the other. */
const withoutHead = (file: string, head: string): string =>
  file.replace(/(?:\/\*\*[^\n]*\*\/\n)?(?=export const )/, `${head}\n`);

async function clone(from: string, to: string, options: CloneOptions): Promise<void> {
  const folder = join(import.meta.dirname, '../environments');
  const load = environments[from];
  const read = (name: string) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : '');
  const input = (await load?.()) ?? ({ name: from, tiers: {} } as unknown as EnvironmentInput);
  const { file, images, index } = cloned(
    from,
    to,
    { file: read(`${from}.ts`), index: read('index.ts'), input },
    options,
  );
  // Never over a file that somebody wrote; the line that makes it known comes last.
  writeFileSync(join(folder, `${to}.ts`), file, { flag: 'wx' });
  writeFileSync(join(folder, `images.${to}.json`), images, { flag: 'wx' });
  writeFileSync(join(folder, 'index.ts'), index);
  console.log(`environments/${to}.ts is like ${from}. Look it through, then:
  npm run synth -- ${to}                      # what it costs
  npm test -- test/environments -u            # records its stacks
  docs/operating.md, 'First deploy', from 'State' on`);
}

if (import.meta.main) {
  try {
    await new Command('npm run clone --')
      .argument('<from>', 'an environment')
      .argument('<to>', 'name of the new one')
      .option('--host <host>', "where people reach it; absent: the other's, with its name replaced")
      .action(clone)
      .parseAsync();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
