/** `npm start -- --containers`: an environment in containers on this machine, with the first screen of the plain start. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Listr } from 'listr2';
import open from 'open';
import { type Environment, placedServices, resolveEnvironment } from '../../environments/environment.ts';
import { definitionOf, type ServiceName, type SettingName } from '../../services/manifest.ts';
import { buildImages, ensureBase, ensureGateway, ensureStore } from '../../stacks/images/build.ts';
import { findEngine } from '../../stacks/images/engine.ts';
import { freePort } from '../router/ports.ts';
import { passed } from '../tiers.ts';
import { withWeights } from '../weights.ts';
import { shownModel, welcome } from '../welcome.ts';
import { migrateService } from './compose.ts';
import { type Composer, findComposer } from './composer.ts';
import { loadComposable } from './environments.ts';
import { writeCompose } from './files.ts';

export interface ContainersOptions {
  /** Name of the environment. */
  readonly env: string;
  /** Its compose file and secrets are kept in a folder below. The stores' data lies in volumes of the engine. */
  readonly data: string;
  /** 0: any free one. */
  readonly port: number;
  readonly open?: true;
}

/** The first readiness needs every tier to compile and open its files, on perhaps two busy cores. */
const readyTimeoutMs = 180_000;

/** @returns the exit code: 0 after a clean stop, 1 when it could not start */
export async function runInContainers(options: ContainersOptions): Promise<number> {
  const stopping = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => {
        stopping.abort();
        resolve();
      });
  });
  const run: Run = { url: '', signal: stopping.signal };
  // The containers are not our children: without this nothing would keep the process until Ctrl-C.
  const alive = setInterval(() => {}, 60_000);
  try {
    await new Listr(
      steps(options, run).map(({ title, run: step }) => ({
        title,
        task: async () => {
          stopping.signal.throwIfAborted();
          await step();
        },
      })),
      { registerSignalListeners: false, rendererOptions: { collapseErrors: false }, fallbackRenderer: 'simple' },
    ).run();
    const shown = { url: run.url, dataFolder: run.folder ?? '', redis: 'redis, in its container' };
    const signInUrl = `${run.url}/sign-in#token=${run.ownerToken}`;
    const logs = `${run.composer?.name} logs, in that folder`;
    console.log(welcome({ ...shown, signInUrl, logs }, shownModel(process.env)));
    if (options.open) (await open(signInUrl)).once('error', () => console.log('open the address above by hand'));
    await stopped;
    console.log('\nStopping: requests under way may end.');
    return 0;
  } catch (error) {
    if (stopping.signal.aborted) return 0;
    console.error(`\n${(error as Error).message}`);
    return 1;
  } finally {
    // Volumes stay: they hold the data.
    await run.composer?.run(['down']);
    clearInterval(alive);
  }
}

/** What the steps hand on to each other. */
interface Run {
  composer?: Composer;
  folder?: string;
  url: string;
  ownerToken?: string;
  readonly signal: AbortSignal;
}

function steps({ env, data, port: asked }: ContainersOptions, run: Run) {
  let environment: Environment;
  let stores: { postgres: string; redis: string };
  const compose = (...args: string[]) => (run.composer as Composer).run(args);
  return [
    {
      title: 'Check the machine',
      run: async () => {
        environment = await withWeights(resolveEnvironment(await loadComposable(env)), console.log);
        await findComposer('.');
      },
    },
    {
      title: 'Images',
      run: async () => {
        const engine = await findEngine();
        const base = process.env.BASE || (await ensureBase(engine));
        stores = {
          postgres: await ensureStore('postgres', engine, base),
          redis: await ensureStore('redis', engine, base),
        };
        await ensureGateway(engine, base);
        await buildImages({ engine, base, names: placedServices(environment) });
      },
    },
    {
      title: 'PostgreSQL and Redis',
      run: async () => {
        const port = asked || (await freePort());
        run.url = `http://localhost:${port}`;
        run.folder = join(data, `containers-${environment.name}`);
        const given = Object.fromEntries(
          passed.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
        );
        await writeCompose({
          environment,
          folder: run.folder,
          port,
          stores,
          passed: given as Partial<Record<SettingName, string>>,
        });
        run.composer = await findComposer(run.folder);
        await compose('up', '-d', '--no-deps', 'postgres', 'redis');
        await until(() => compose('exec', '-T', 'postgres', 'pg_isready', '--quiet', '--host=127.0.0.1'), run.signal);
      },
    },
    { title: 'Migrate', run: () => compose('run', '--rm', '--no-deps', '-T', migrateService) },
    {
      title: 'Tiers',
      run: async () => {
        const others = ['postgres', 'redis', migrateService];
        const names = (await compose('config', '--services'))
          .split('\n')
          .filter((name) => name && !others.includes(name));
        await compose('up', '-d', '--no-deps', ...names);
        for (const name of placedServices(environment).filter((each) => definitionOf(each).routes.length > 0))
          await until(() => answers(run.url, name), run.signal);
      },
    },
    {
      title: 'Owner',
      run: async () => {
        const said = await compose('run', '--rm', '--no-deps', '-T', migrateService, 'node', 'main.js', 'owner-link');
        run.ownerToken = JSON.parse(said.trim().split('\n').at(-1) as string).token;
      },
    },
  ];
}

/** A tier behind the gateway answers, if only that it wants to know who asks. */
async function answers(url: string, tier: ServiceName): Promise<void> {
  const path = (definitionOf(tier).routes.at(-1) as string).replace('*', '');
  const response = await fetch(url + path, { signal: AbortSignal.timeout(5000) });
  if (response.status >= 500)
    throw new Error(`the ${tier} tier is not ready: ${response.status} ${await response.text()}`);
}

async function until(holds: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + readyTimeoutMs;
  for (;;)
    try {
      await holds();
      return;
    } catch (error) {
      if (Date.now() > deadline || signal.aborted) throw error;
      await sleep(500);
    }
}
