/** Makes the folder of an image: one bundled file per program, and the parts that cannot be bundled. */
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { rdsAuthoritiesFile } from '../../constructs/stores/rds-authorities.ts';
import { definitionOf, type ImageBuild, type ServiceName, usesStore } from '../../services/manifest.ts';
import { type Architecture, copyPackage } from './native-package.ts';
import { type Folder, normalize } from './normalize.ts';
import { rdsAuthorities } from './rds-authorities.ts';
import { projectFolder, run } from './run.ts';

/**
 * Writes `<folder>/app` and `<folder>/data`. The same sources give the same bytes, names, modes and times.
 *
 * @returns the bytes of it: the image's size above its base
 */
export async function bundleService(name: ServiceName, folder: string, architecture: Architecture): Promise<Folder> {
  const app = join(folder, 'app');
  const { children = {}, files = {}, packages = [], prepare } = buildOf(name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'data'), { recursive: true });
  if (prepare) await run(process.execPath, [join(projectFolder, prepare)]);
  await bundle(
    { main: `services/${name}/main.ts`, health: 'stacks/images/inside/health.ts', ...children },
    app,
    packages,
  );
  await writeFile(join(app, 'package.json'), '{ "type": "module" }\n');
  for (const [to, from] of Object.entries(files))
    await cp(join(projectFolder, from), join(app, to), { recursive: true, filter: (path) => !/\/\.[^/]+$/.test(path) });
  if (usesStore(name, 'postgres')) await writeFile(join(app, rdsAuthoritiesFile), rdsAuthorities());
  for (const name of packages) await copyPackage(name, architecture, join(app, 'node_modules'));
  return normalize(folder);
}

/** The same for the local router, which is no tier. */
export async function bundleGateway(folder: string): Promise<Folder> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'data'), { recursive: true });
  await bundle({ main: 'local/containers/gateway.ts', health: 'stacks/images/inside/health.ts' }, join(folder, 'app'));
  await writeFile(join(folder, 'app/package.json'), '{ "type": "module" }\n');
  return normalize(folder);
}

/** One file per program; @param packages left out of it, found in node_modules at run time @returns the sources in them */
export async function bundle(
  programs: Readonly<Record<string, string>>,
  outdir: string,
  packages: readonly string[] = [],
): Promise<string[]> {
  const { metafile } = await build({
    metafile: true,
    absWorkingDir: projectFolder,
    entryPoints: { ...programs },
    outdir,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    banner: { js: commonJs },
    external: [...neverLoaded, ...packages.map((name) => name.replace('{arch}', '*'))],
    // Names and lines stay: a stack trace from production must be readable, and Node prints the line of a fault.
    minifySyntax: true,
    legalComments: 'linked',
    logLevel: 'error',
  });
  return Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  );
}

/** @throws Error for a service whose image is built elsewhere */
export function buildOf(name: ServiceName): ImageBuild {
  const { build } = definitionOf(name);
  if (!build) throw new Error(`services/manifest.ts does not say how the image of '${name}' is built: give it a build`);
  return build;
}

/** Imported by libraries only when the feature is used, which is never here. */
const neverLoaded = ['pg-native', '@huggingface/transformers', 'pino-pretty'];

/** CommonJS libraries inside an ES module still ask for these. */
const commonJs = [
  "import { createRequire as requireOf } from 'node:module'",
  'const require = requireOf(import.meta.url)',
  'const __filename = import.meta.filename',
  'const __dirname = import.meta.dirname',
].join(';');
