/**
 * `npm run images`: builds the image of every service and prints what each takes above the base.
 * `npm run images -- --push dev`: pushes them too and writes environments/images.dev.json.
 */
import { Command } from 'commander';
import { placedServices, resolveEnvironment } from '../../environments/environment.ts';
import { loadEnvironment } from '../../environments/index.ts';
import { type ServiceName, serviceNames } from '../../services/manifest.ts';
import { type BuiltImage, buildImages, ensureBase, hostArchitecture } from './build.ts';
import { findEngine } from './engine.ts';
import { awsRegistry, pinImages, pushImages } from './push.ts';

interface Options {
  readonly push?: string;
  readonly registry?: string;
  readonly only?: ServiceName[];
}

const { push, registry, only } = new Command('images')
  .description('Builds the image of every service. BASE=<image> names the base that holds Node.')
  .option('--push <env>', "push to the environment's registry and pin the digests in images.<env>.json")
  .option(
    '--registry <address>',
    "push there instead of the environment's own registry, as in 'localhost:5000/bulkhead'",
  )
  .option('--only <services...>', `of ${serviceNames.join(', ')}`)
  .parse()
  .opts<Options>();

try {
  const unknown = only?.find((name) => !serviceNames.includes(name));
  if (unknown) throw new Error(`given --only ${unknown}, allowed: ${serviceNames.join(', ')}`);
  const environment = push === undefined ? undefined : resolveEnvironment(await loadEnvironment(push));
  const engine = await findEngine();
  const architecture = environment?.aws
    ? environment.aws.architecture === 'arm64'
      ? 'arm64'
      : 'x64'
    : hostArchitecture;
  const base = process.env.BASE || (await ensureBase(engine, architecture));
  const names = only ?? (environment ? placedServices(environment) : serviceNames);
  const images = await buildImages({ engine, base, architecture, names });
  console.log(`base ${base}, built with ${engine.name} for ${architecture}\n${table(images)}`);
  const large = images.filter(({ bytes, budgetMiB }) => mib(bytes) > budgetMiB);
  if (large.length > 0)
    throw new Error(
      `above their budget: ${large.map(({ name }) => name).join(', ')}; see what they hold: npm run bench -- images`,
    );
  if (environment) {
    const to = registry ?? (await awsRegistry(environment, engine));
    await pinImages(
      new URL(`../../environments/images.${environment.name}.json`, import.meta.url),
      await pushImages(engine, images, to),
    );
    console.log(`pushed to ${to} and pinned in environments/images.${environment.name}.json: commit it`);
  }
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

function table(images: readonly BuiltImage[]): string {
  const rows = images.map(
    ({ name, bytes, budgetMiB, id }) =>
      `${name.padEnd(16)} ${mib(bytes).toFixed(1).padStart(8)} ${String(budgetMiB).padStart(8)}  ${id.slice(7, 19)}`,
  );
  return [`${'service'.padEnd(16)} ${'MiB'.padStart(8)} ${'allowed'.padStart(8)}  image`, ...rows].join('\n');
}

function mib(bytes: number): number {
  return bytes / 1024 / 1024;
}
