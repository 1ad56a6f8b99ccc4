/** The way from nothing to a running deployment, as steps with names. */
import { pathToFileURL } from 'node:url';
import { heapFlags } from '../environments/budget/heap.ts';
import { placedServices, placementsOf } from '../environments/environment.ts';
import { databaseRole, type ServiceName } from '../services/manifest.ts';
import { oldNode, unsupportedPlatform } from './machine.ts';
import { lockFolder } from './processes/lock.ts';
import { runToEnd } from './processes/one-shot.ts';
import { endOrphans, openPidRegistry } from './processes/orphans.ts';
import { openWatchdog } from './processes/watchdog.ts';
import { portHolder, portTaken } from './router/ports.ts';
import { openRouter } from './router/router.ts';
import { allocatePorts, settingsOf, startTier } from './start-tier.ts';
import { type DeploymentState, logOf, logPath, need, startPart } from './state.ts';
import { checkVersion, openDataFolder } from './stores/data-folder.ts';
import { publicKeys } from './stores/key-pair.ts';
import { postgresBinaries, postgresMajor, preparePostgres } from './stores/postgres.ts';
import { prepareRedis } from './stores/redis.ts';
import { openSecrets } from './stores/secrets.ts';
import { missingPrograms, type Settings, serviceCommand, tierSettings } from './tiers.ts';
import { offerToVerify } from './verify.ts';
import { fetchWeights } from './weights.ts';

export interface Step {
  /** @example 'Start PostgreSQL' */
  readonly title: string;
  /**
   * @param progress gets a line now and then while it lasts
   * @returns what there is to say about it, if anything
   * @throws Error with what is in the way and what to do
   */
  run(progress?: (line: string) => void): Promise<string | undefined>;
}

export function steps(state: DeploymentState): Step[] {
  const step = (title: string, act: (state: DeploymentState) => Promise<string | undefined>): Step => ({
    title,
    run: async (progress = () => {}) => {
      if (state.stopping.signal.aborted) throw new Error('stopped before it was ready');
      state.progress = progress;
      const under = act(state);
      state.step = under;
      return under;
    },
  });
  return [
    step('Check this machine', checkMachine),
    step('Open the data folder', openFolder),
    step('Get the embedding’s weights', fetchWeights),
    step('Open the port', openPort),
    step('Start PostgreSQL', startPostgres),
    step('Start Redis', startRedis),
    step('Bring the database up to date', migrate),
    step('Build the web page', buildPage),
    step(`Start ${placedServices(state.environment).join(', ')}`, startTiers),
    step('Make the owner’s sign-in link', ownerLink),
  ];
}

async function checkMachine(state: DeploymentState): Promise<undefined> {
  const problem = oldNode(process.versions.node) ?? unsupportedPlatform(process.platform);
  if (problem) throw new Error(problem);
  const missing = missingPrograms(state.programs, placedServices(state.environment));
  if (missing.length > 0)
    throw new Error(`this checkout is incomplete, its programs are missing for: ${missing.join(', ')}`);
  state.folder = await openDataFolder(state.data, state.freeBytes);
}

async function openFolder(state: DeploymentState): Promise<string> {
  const folder = need(state, 'folder');
  state.lock = await lockFolder(folder.path);
  if (state.lock.recovered)
    state.tell(
      `the last run (process ${state.lock.recovered.pid}) ended without unlocking ${folder.path}; its lock was taken over`,
    );
  const left = await endOrphans(folder.path);
  if (left.length > 0) state.tell(`stopped what the last run left running: ${left.join(', ')}`);
  await checkVersion(folder, await postgresMajor(await postgresBinaries()));
  state.secrets = await openSecrets(folder.path, placedServices(state.environment));
  state.pidRegistry = openPidRegistry(folder.path);
  state.watchdog = openWatchdog();
  const { auth, privateKeys } = state.secrets;
  for (const [name, key] of Object.entries(privateKeys))
    state.own[name as ServiceName] = { SERVICE_TOKEN_PRIVATE_KEY: key };
  Object.assign(state.run, {
    HOST: '127.0.0.1',
    AUTH_SECRET: auth,
    SERVICE_TOKEN_PUBLIC_KEYS: publicKeys(privateKeys),
    DOCUMENT_STORE_URL: pathToFileURL(folder.documents).href,
  });
  return folder.path;
}

async function openPort(state: DeploymentState): Promise<string> {
  try {
    state.router = await openRouter({ port: state.port, replicas: (owner) => state.replicas.get(owner) ?? [] });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') throw new Error(portTaken(state.port, await portHolder(state.port)), { cause: error });
    if (code === 'EACCES') throw new Error(portForbidden(state.port), { cause: error });
    throw new Error(`port ${state.port} cannot be opened: ${message}`, { cause: error });
  }
  state.url = `http://localhost:${state.router.port}`;
  state.run.PUBLIC_URL = state.url;
  await need(state, 'lock').publish(state.url);
  return state.url;
}

const portForbidden = (port: number) =>
  `port ${port} is reserved for root on this machine; choose one above 1023: npm start -- --port 8080`;

async function startPostgres(state: DeploymentState): Promise<undefined> {
  const log = logOf(state, 'postgres');
  const server = await preparePostgres(
    await postgresBinaries(),
    need(state, 'folder').postgres,
    need(state, 'secrets').database,
    log,
  );
  const { databasePasswords } = need(state, 'secrets');
  for (const [tier, password] of Object.entries(databasePasswords) as [ServiceName, string][]) {
    const url = Object.assign(new URL(server.url), { username: databaseRole(tier), password }).href;
    state.own[tier] = { ...state.own[tier], DATABASE_URL: url };
  }
  state.migration = { DATABASE_OWNER_URL: server.url, DATABASE_ROLE_PASSWORDS: JSON.stringify(databasePasswords) };
  await startPart(state, {
    name: 'postgres',
    watched: true,
    command: server.command,
    probe: server.probe,
    // Recovery after an unclean end replays at most max_wal_size; slow disks do about 10 MB/s.
    readyTimeoutMs: 60_000,
    // Fast shutdown: connections end, a last checkpoint is written.
    stopSignal: 'SIGINT',
    stopTimeoutMs: 30_000,
  });
}

async function startRedis(state: DeploymentState): Promise<string> {
  const server = await prepareRedis(state.redis, need(state, 'folder').path, need(state, 'secrets').redis);
  state.run.REDIS_URL = server.url;
  state.redisWhich = server.which;
  // The embedded one compiles its Lua runtime first.
  await startPart(state, { name: 'redis', ...server, watched: true, readyTimeoutMs: 20_000, stopTimeoutMs: 5000 });
  return server.which;
}

async function migrate(state: DeploymentState): Promise<undefined> {
  // Long enough for an index over a large table; it runs in one transaction and can be repeated.
  if (state.programs.migrate)
    await runApi(state, 'migrate', state.programs.migrate, 600_000, { more: state.migration });
}

async function buildPage(state: DeploymentState): Promise<string | undefined> {
  if (!state.programs.buildPage) return 'left out';
  const printed = await runToEnd({
    name: 'build-page',
    command: serviceCommand(state.programs.buildPage, {}, ['--max-old-space-size=1024'], state.outer),
    timeoutMs: 300_000,
    log: logOf(state, 'build-page'),
    logPath: logPath(state, 'build-page'),
    signal: state.stopping.signal,
  });
  return printed.trim().split('\n').at(-1);
}

async function startTiers(state: DeploymentState): Promise<undefined> {
  await allocatePorts(state);
  let first: unknown;
  const started = placedServices(state.environment).map((name) =>
    startTier(state, name).catch((error) => {
      // The others need not be waited for: without this tier the deployment does not start.
      first ??= error;
      state.stopping.abort();
    }),
  );
  await Promise.all(started);
  if (first !== undefined) throw first;
  const [worker] = state.replicas.get('document-worker') ?? [];
  if (worker) await offerToVerify(need(state, 'folder').path, settingsOf(state, 'document-worker', worker));
}

async function ownerLink(state: DeploymentState): Promise<string | undefined> {
  if (!state.programs.ownerLink) return 'left out';
  try {
    const printed = await runApi(state, 'owner-link', state.programs.ownerLink, 30_000, { secret: true });
    state.ownerToken = tokenIn(printed);
  } catch (error) {
    if (state.stopping.signal.aborted) throw error;
    state.tell(
      `no sign-in link could be made; sign in with your password, or start again. ${(error as Error).message}`,
    );
  }
}

/** The token in the last JSON line that has one. */
export function tokenIn(printed: string): string {
  for (const line of printed.split('\n').reverse()) {
    try {
      const { token } = JSON.parse(line) as { token?: unknown };
      if (typeof token === 'string' && token !== '') return token;
    } catch {
      // Another line: a log entry.
    }
  }
  throw new Error('owner-link printed no line { "token": "..." }');
}

/** Runs a command of the api's program with the api's settings. */
async function runApi(
  state: DeploymentState,
  name: string,
  program: readonly [string, ...string[]],
  timeoutMs: number,
  { more, ...how }: { secret?: true; more?: Settings } = {},
) {
  const [placement] = placementsOf(state.environment, 'api');
  if (!placement) throw new Error('the environment places no api tier');
  const { environment, run, outer } = state;
  const given = tierSettings({
    environment,
    name: 'api',
    placement,
    run: { ...run, ...state.own.api },
    outer,
    ...override(state, 'api'),
  });
  return runToEnd({
    name,
    command: serviceCommand(program, { ...given, ...more }, heapFlags('api', placement.memoryMiB), outer),
    timeoutMs,
    log: logOf(state, name),
    logPath: logPath(state, name),
    ...how,
    signal: state.stopping.signal,
  });
}

const override = (state: DeploymentState, name: ServiceName) => {
  const overrides = state.settings[name];
  return overrides ? { overrides } : {};
};
