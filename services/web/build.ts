/**
 * Builds the page: `node services/web/build.ts` writes `services/web/dist`.
 *
 * Nothing changed (same content hash of sources, contract and lock file): nothing is done. A build beyond the size
 * goals fails, so that the first load stays fast by rule and not by habit.
 */
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { distFolder, noncePlaceholder } from './dist.ts';
import { checkSizes, type Manifest, type Sizes } from './sizes.ts';

const here = import.meta.dirname;
const root = path.resolve(here, '../..');

if (import.meta.main) {
  const result = await buildPage();
  console.log(result.built ? describe(result.sizes) : 'web page: unchanged');
}

/** Builds unless the last build came from the same sources. */
export async function buildPage(): Promise<{ built: false } | { built: true; sizes: Sizes }> {
  const hash = await sourceHash();
  const stamp = path.join(distFolder, '.stamp');
  if ((await readFile(stamp, 'utf8').catch(() => '')) === hash) return { built: false };

  // Whoever calls: a page with React's development build is twice as heavy.
  process.env.NODE_ENV = 'production';
  // Loaded only when there is work: an unchanged page must cost no time at start.
  const { build } = await import('vite');
  const { default: react } = await import('@vitejs/plugin-react');
  const { default: tailwind } = await import('@tailwindcss/vite');
  // Beside, then in its place at once: a server that runs never sees half a page.
  const next = `${distFolder}.${process.pid}`;
  await build({
    configFile: false,
    root: path.join(here, 'ui'),
    plugins: [react(), tailwind()],
    html: { cspNonce: noncePlaceholder },
    logLevel: 'warn',
    build: {
      outDir: next,
      emptyOutDir: true,
      manifest: true,
      // A data: address would need an exception in the CSP.
      assetsInlineLimit: 0,
      target: 'es2022',
      // Our own goals are stricter, and know what is loaded first.
      chunkSizeWarningLimit: 2048,
    },
  });
  try {
    await copyPdfData(next);
    const manifest: Manifest = JSON.parse(await readFile(path.join(next, '.vite/manifest.json'), 'utf8'));
    const compressed = await precompress(next);
    const sizes = checkSizes(manifest, (file) => compressed.get(file) ?? 0);
    await writeFile(path.join(next, '.stamp'), hash);
    await swapIn(next);
    return { built: true, sizes };
  } finally {
    await rm(next, { recursive: true, force: true });
  }
}

/** Another build may swap in at the same moment: both are good, so the later one tries again. */
async function swapIn(next: string, triesLeft = 3): Promise<void> {
  await rm(distFolder, { recursive: true, force: true });
  try {
    await rename(next, distFolder);
  } catch (error) {
    if (triesLeft === 0 || !['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await swapIn(next, triesLeft - 1);
  }
}

async function sourceHash(): Promise<string> {
  const folders = [path.join(here, 'ui'), path.join(root, 'services/shared/contract'), path.join(root, 'client')];
  const files = [path.join(root, 'package-lock.json'), path.join(here, 'build.ts'), path.join(here, 'sizes.ts')];
  for (const folder of folders) files.push(...(await filesIn(folder)));
  const hash = createHash('sha256');
  for (const file of files.sort())
    hash
      .update(path.relative(root, file))
      .update('\0')
      .update(await readFile(file));
  return hash.digest('hex');
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}

/** Character maps and standard fonts that pdf.js fetches when a file needs them; Korean PDFs often do. */
async function copyPdfData(dist: string): Promise<void> {
  const from = path.dirname(new URL(import.meta.resolve('pdfjs-dist/package.json')).pathname);
  const { version } = JSON.parse(await readFile(path.join(from, 'package.json'), 'utf8'));
  const to = path.join(dist, 'assets', `pdfjs-${version}`);
  await mkdir(to, { recursive: true });
  for (const folder of ['cmaps', 'standard_fonts', 'iccs'])
    await cp(path.join(from, folder), path.join(to, folder), { recursive: true });
  // WebAssembly is off under our CSP; these two decode the same images without it.
  await mkdir(path.join(to, 'wasm'));
  for (const file of ['jbig2_nowasm_fallback.js', 'openjpeg_nowasm_fallback.js'])
    await cp(path.join(from, 'wasm', file), path.join(to, 'wasm', file));
}

/** Writes `.gz` and `.br` beside every text file from 1 KiB (below, headers outweigh the gain); answers gzip sizes. */
async function precompress(dist: string): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const file of await filesIn(path.join(dist, 'assets'))) {
    if (!/\.(?:m?js|css|svg)$/.test(file)) continue;
    const content = await readFile(file);
    if (content.length < 1024) continue;
    const gzipped = await promisify(gzip)(content, { level: 9 });
    // Quality 9 gives within 4 % of 11 in a sixth of the time.
    const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
    await writeFile(`${file}.gz`, gzipped);
    await writeFile(`${file}.br`, await promisify(brotliCompress)(content, { params }));
    sizes.set(path.relative(dist, file).replaceAll(path.sep, '/'), gzipped.length);
  }
  return sizes;
}

function describe({ script, style }: Sizes): string {
  const kib = (bytes: number) => (bytes / 1024).toFixed(1);
  return `web page: first load ${kib(script)} KiB of JavaScript and ${kib(style)} KiB of CSS, gzip`;
}
