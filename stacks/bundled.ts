/**
 * A program as one file. To find and read the 480 files of a synth takes Node longer than the synth itself, so what they
 * are bundled to is kept until one of them changes.
 */
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, parse } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'esbuild';

const projectFolder = join(import.meta.dirname, '..');

/** By path: changes whenever the file does. */
type Stamps = Record<string, string>;

/**
 * @param program an ES module below `folder`
 * @returns the URL to import: of its bundle, or of itself where none can be made or kept
 */
export async function bundled(program: string, folder = projectFolder): Promise<string> {
  const source = join(folder, program);
  const file = join(dirname(source), 'dist', `${parse(program).name}.mjs`);
  if (!isFresh(file, source))
    try {
      const text = await bundle(source, folder);
      const written = `${file}.${process.pid}`;
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(written, text);
      renameSync(written, file);
    } catch {
      // Node says best what is wrong with a source.
      return pathToFileURL(source).href;
    }
  return pathToFileURL(file).href;
}

interface Made {
  /** Another one where the whole tree was copied. */
  readonly from: string;
  readonly stamps: Stamps;
}

/** Its first line says what it was made from. */
function isFresh(file: string, source: string): boolean {
  try {
    const text = readFileSync(file);
    const { from, stamps }: Made = JSON.parse(text.toString('utf8', '// '.length, text.indexOf('\n')));
    return from === source && Object.entries(stamps).every(([path, stamp]) => stampOf(path) === stamp);
  } catch {
    return false;
  }
}

function stampOf(path: string): string {
  const { size, ctimeMs } = statSync(path);
  return `${size} ${ctimeMs}`;
}

async function bundle(source: string, folder: string): Promise<string> {
  const { build } = await import('esbuild');
  const stamps: Stamps = { [import.meta.filename]: stampOf(import.meta.filename) };
  const { outputFiles } = await build({
    entryPoints: [source],
    absWorkingDir: folder,
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    // Names stay: cdktf's ids are made of some.
    minifyWhitespace: true,
    minifySyntax: true,
    logLevel: 'silent',
    plugins: [stamped(stamps), environmentsApart(join(folder, 'environments/index.ts')), asTheyLay],
  });
  return `// ${JSON.stringify({ from: source, stamps } satisfies Made)}\n${outputFiles[0]?.text}`;
}

/** Before a file is read, so that one which changes meanwhile is read again next time. */
const stamped = (stamps: Stamps): Plugin => ({
  name: 'stamped',
  setup: ({ onLoad }) =>
    onLoad({ filter: /./ }, ({ path }) => {
      stamps[path] = stampOf(path);
      return undefined;
    }),
});

/** Environments are what people change: each is read as it stands, and a change makes no new bundle. */
const environmentsApart = (index: string): Plugin => ({
  name: 'environments apart',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^\./ }, ({ path, importer, kind }) =>
      kind === 'dynamic-import' && importer === index
        ? { path: pathToFileURL(join(dirname(importer), path)).href, external: true }
        : undefined,
    ),
});

/** What cdktf and zod do in vain here. */
const instead: readonly (readonly [file: RegExp, source: string])[] = [
  // The stack of every token is kept, for nothing that is printed here.
  [/\/cdktf\/lib\/tokens\/private\/stack-trace\.js$/, 'exports.captureStackTrace = () => [];'],
  // A zip library: what is to be packed, a process of its own packs, which reads it from its package.
  [/\/archiver\/index\.js$/, ''],
  // 60 languages; the one that it speaks zod imports by itself.
  [/\/zod\/v4\/locales\/index\.js$/, ''],
];

/** Sources that ask where they lie hear what they heard there. */
const asTheyLay: Plugin = {
  name: 'as they lay',
  setup: ({ onLoad }) => {
    for (const [filter, contents] of instead) onLoad({ filter }, () => ({ contents, loader: 'js' }));
    onLoad({ filter: /\/cdktf\/lib\/.*\.js$|\/(constructs|environments|services|stacks)\/.*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8')
        // esbuild knows no other `require` than CommonJS's.
        .replace(/^const require = createRequire\(import\.meta\.url\);$/m, '')
        .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
        .replaceAll('import.meta.dirname', JSON.stringify(dirname(path)))
        .replaceAll('__filename', JSON.stringify(path)),
      loader: path.endsWith('.ts') ? 'ts' : 'js',
    }));
  },
};
