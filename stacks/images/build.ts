/** Builds images: of the services, of the base and of the stores where none is named. What is unchanged is not built. */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Lock, lockFolder } from '../../local/processes/lock.ts';
import { type ServiceName, serviceNames } from '../../services/manifest.ts';
import { baseLacks, writeBase } from './base.ts';
import { buildOf, bundleGateway, bundleService } from './bundle.ts';
import { type Engine, findEngine } from './engine.ts';
import type { Architecture } from './native-package.ts';
import type { Folder } from './normalize.ts';
import { packageVersion, projectFolder } from './run.ts';
import { type StoreImage, writeStore } from './stores.ts';

export interface BuiltImage {
  readonly name: ServiceName;
  readonly tag: string;
  /** Names this very image, `sha256:...`. */
  readonly id: string;
  /** Unpacked size above the base. */
  readonly bytes: number;
  readonly budgetMiB: number;
}

export interface BuildOptions {
  /** @default Docker where it runs, else buildah */
  readonly engine?: Engine;
  /** @default every service */
  readonly names?: readonly ServiceName[];
  /** Image that holds Node. @default with Docker `node:24-slim`, else one made from Debian packages */
  readonly base?: string | undefined;
  /** @default this machine's */
  readonly architecture?: Architecture;
}

export async function buildImages(options: BuildOptions = {}): Promise<BuiltImage[]> {
  const { names = serviceNames, architecture = hostArchitecture } = options;
  const engine = options.engine ?? (await findEngine());
  const base = options.base ?? (await ensureBase(engine, architecture));
  const built: BuiltImage[] = [];
  for (const name of names) {
    const args = { BASE: base, SERVICE: name, VERSION: packageVersion };
    const write = (folder: string) => bundleService(name, folder, architecture);
    const { id, bytes } = await build(engine, { name, write, dockerfile: 'Dockerfile', args, architecture });
    built.push({ name, tag: localTag(name), id, bytes, budgetMiB: buildOf(name).budgetMiB });
  }
  return built;
}

/** @returns the name of an image with Node in it */
export async function ensureBase(engine: Engine, architecture: Architecture = hostArchitecture): Promise<string> {
  if (engine.name === 'docker') return publicBase;
  const lacks = await baseLacks(architecture);
  if (lacks) throw new Error(lacks);
  await build(engine, { name: 'node', write: writeBase, dockerfile: 'base.Dockerfile', args: {}, architecture });
  return localTag('node');
}

/** @returns the name of an image of the store: the public one with Docker, else one made here */
export async function ensureStore(store: StoreImage, engine: Engine, BASE: string): Promise<string> {
  if (engine.name === 'docker') return publicStores[store];
  const write = (folder: string) => writeStore(store, folder);
  const dockerfile = `${store}.Dockerfile`;
  await build(engine, { name: store, write, dockerfile, args: { BASE }, architecture: hostArchitecture });
  return localTag(store);
}

/** The image of the router that stands before the tiers in a compose file. */
export async function ensureGateway(engine: Engine, BASE: string): Promise<void> {
  const name = 'gateway';
  const args = { BASE, SERVICE: name, VERSION: packageVersion };
  await build(engine, { name, write: bundleGateway, dockerfile: 'Dockerfile', args, architecture: hostArchitecture });
}

/** As an image is named on this machine. */
export const localTag = (name: string): string => `localhost/bulkhead/${name}`;

export const hostArchitecture: Architecture = process.arch === 'arm64' ? 'arm64' : 'x64';

/** Bases and stores that a Docker engine pulls by itself. */
const publicBase = 'node:24-slim';
const publicStores: Readonly<Record<StoreImage, string>> = { postgres: 'postgres:18', redis: 'redis:8' };

/** Where the folders of images are prepared: `<name>/app` is what the image of a service holds. */
export const cacheFolder = join(projectFolder, 'node_modules/.cache/bulkhead-images');

interface Build {
  readonly name: string;
  /** Fills the image's folder. */
  readonly write: (folder: string) => Promise<Folder>;
  readonly dockerfile: string;
  readonly args: Readonly<Record<string, string>>;
  readonly architecture: Architecture;
}

async function build(engine: Engine, { name, write, dockerfile, args, architecture }: Build) {
  const context = join(cacheFolder, name);
  const lock = await waitForLock(`${context}.lock`);
  try {
    const { bytes, hash } = await write(context);
    const tag = localTag(name);
    const base = args.BASE ? ((await engine.find(args.BASE))?.id ?? args.BASE) : 'scratch';
    const from = join(import.meta.dirname, 'dockerfiles', dockerfile);
    const recipe = createHash('sha256')
      .update(await readFile(from))
      .digest('hex');
    const content = `${hash} by ${recipe} on ${base} for ${architecture}, ${args.VERSION ?? 'no version'}`;
    const before = await engine.find(tag);
    if (before?.content === content) return { id: before.id, bytes };
    await engine.build({ tag, context, dockerfile: from, args, content, architecture });
    if (before) await engine.remove(before.id);
    const after = await engine.find(tag);
    if (!after) throw new Error(`${engine.name} built ${tag} but does not know it`);
    return { id: after.id, bytes };
  } finally {
    await lock.release();
  }
}

/** Two builds of one image at once would write the same folder: the second waits for the first. */
async function waitForLock(folder: string): Promise<Lock> {
  await mkdir(folder, { recursive: true });
  const deadline = Date.now() + lockTimeoutMs;
  for (;;)
    try {
      return await lockFolder(folder);
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(200);
    }
}

/** The largest image takes half a minute on two busy cores. */
const lockTimeoutMs = 300_000;
