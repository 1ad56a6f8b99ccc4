/** The way from nothing to a running house, as steps with names. */
import { pathToFileURL } from 'node:url';
import { heapFlags } from '../environments/wiring/settings.ts';
import { databaseRole, type ServiceName, serviceNames } from '../services/manifest.ts';
import { oldNode, unsupportedPlatform } from './machine.ts';
import { lockFolder } from './processes/lock.ts';
import { runToEnd } from './processes/one-shot.ts';
import { endLeftovers, openRoster } from './processes/orphans.ts';
import { openGuard } from './processes/watchdog.ts';
import { portHolder, portTaken } from './router/ports.ts';
import { openRouter } from './router/router.ts';
import { logOf, logPath, need, type Site, startPart } from './site.ts';
import { placeTiers, settingsOf, startTier } from './start-tier.ts';
import { checkVersion, openDataFolder } from './stores/data-folder.ts';
import { publicKeys } from './stores/key-pair.ts';
import { postgresBinaries, postgresMajor, preparePostgres } from './stores/postgres.ts';
import { prepareRedis } from './stores/redis.ts';
import { openSecrets } from './stores/secrets.ts';
import { missingPrograms, type Overrides, type Settings, serviceCommand, tierSettings } from './tiers.ts';
import { offerToVerify } from './verify.ts';

export interface Step {
  /** @example 'Start PostgreSQL' */
  readonly title: string;
  /** @returns what there is to say about it, if anything. @throws Error with what is in the way and what to do */
  run(): Promise<string | undefined>;
}

export function steps(site: Site): Step[] {
  const step = (title: string, act: (site: Site) => Promise<string | undefined>): Step => ({
    title,
    run: async () => {
      if (site.stopping.signal.aborted) throw new Error('stopped before it was ready');
      const under = act(site);
      site.step = under;
      return under;
    },
  });
  return [
    step('Check this machine', checkMachine),
    step('Open the data folder', openFolder),
    step('Open the port', openPort),
    step('Start PostgreSQL', startPostgres),
    step('Start Redis', startRedis),
    step('Bring the database up to date', migrate),
    step('Build the web page', buildPage),
    step(`Start ${serviceNames.join(', ')}`, startTiers),
    step('Make the owner’s sign-in link', ownerLink),
  ];
}

async function checkMachine(site: Site): Promise<undefined> {
  const problem = oldNode(process.versions.node) ?? unsupportedPlatform(process.platform);
  if (problem) throw new Error(problem);
  const missing = missingPrograms(site.programs);
  if (missing.length > 0)
    throw new Error(`this checkout is incomplete, its programs are missing for: ${missing.join(', ')}`);
  site.folder = await openDataFolder(site.data, site.freeBytes);
}

async function openFolder(site: Site): Promise<string> {
  const folder = need(site, 'folder');
  site.lock = await lockFolder(folder.path);
  if (site.lock.recovered)
    site.tell(
      `the last run (process ${site.lock.recovered.pid}) ended without unlocking ${folder.path}; its lock was taken over`,
    );
  const left = await endLeftovers(folder.path);
  if (left.length > 0) site.tell(`stopped what the last run left running: ${left.join(', ')}`);
  await checkVersion(folder, await postgresMajor(await postgresBinaries()));
  site.secrets = await openSecrets(folder.path);
  site.roster = openRoster(folder.path);
  site.guard = openGuard();
  const { auth, chatKey, documentWorkerKey } = site.secrets;
  Object.assign(site.own, {
    chat: { SERVICE_TOKEN_PRIVATE_KEY: chatKey },
    'document-worker': { SERVICE_TOKEN_PRIVATE_KEY: documentWorkerKey },
    vectorstore: {
      SERVICE_TOKEN_PUBLIC_KEYS: publicKeys({ chat: chatKey, 'document-worker': documentWorkerKey }),
    },
  } satisfies Overrides);
  Object.assign(site.run, {
    HOST: '127.0.0.1',
    AUTH_SECRET: auth,
    DOCUMENT_STORE_URL: pathToFileURL(folder.documents).href,
  });
  return folder.path;
}

async function openPort(site: Site): Promise<string> {
  try {
    site.router = await openRouter({ port: site.port, replicas: (owner) => site.replicas.get(owner) ?? [] });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') throw new Error(portTaken(site.port, await portHolder(site.port)), { cause: error });
    if (code === 'EACCES') throw new Error(portForbidden(site.port), { cause: error });
    throw new Error(`port ${site.port} cannot be opened: ${message}`, { cause: error });
  }
  site.url = `http://localhost:${site.router.port}`;
  site.run.PUBLIC_URL = site.url;
  await need(site, 'lock').publish(site.url);
  return site.url;
}

const portForbidden = (port: number) =>
  `port ${port} is reserved for root on this machine; choose one above 1023: npm start -- --port 8080`;

async function startPostgres(site: Site): Promise<undefined> {
  const log = logOf(site, 'postgres');
  const server = await preparePostgres(
    await postgresBinaries(),
    need(site, 'folder').postgres,
    need(site, 'secrets').database,
    log,
  );
  const { databaseApi, databaseChat, databaseDocumentWorker, databaseVectorstore } = need(site, 'secrets');
  const passwords = {
    api: databaseApi,
    chat: databaseChat,
    'document-worker': databaseDocumentWorker,
    vectorstore: databaseVectorstore,
  };
  for (const [tier, password] of Object.entries(passwords) as [keyof typeof passwords, string][]) {
    const url = Object.assign(new URL(server.url), { username: databaseRole(tier), password }).href;
    site.own[tier] = { ...site.own[tier], DATABASE_URL: url };
  }
  site.migration = { DATABASE_OWNER_URL: server.url, DATABASE_ROLE_PASSWORDS: JSON.stringify(passwords) };
  await startPart(site, {
    name: 'postgres',
    guarded: true,
    command: server.command,
    probe: server.probe,
    // Recovery after an unclean end replays at most max_wal_size; slow disks do about 10 MB/s.
    readyTimeoutMs: 60_000,
    // Fast shutdown: connections end, a last checkpoint is written.
    stopSignal: 'SIGINT',
    stopTimeoutMs: 30_000,
  });
}

async function startRedis(site: Site): Promise<string> {
  const server = await prepareRedis(site.redis, need(site, 'folder').path, need(site, 'secrets').redis);
  site.run.REDIS_URL = server.url;
  site.redisWhich = server.which;
  // The embedded one compiles its Lua runtime first.
  await startPart(site, { name: 'redis', ...server, guarded: true, readyTimeoutMs: 20_000, stopTimeoutMs: 5000 });
  return server.which;
}

async function migrate(site: Site): Promise<undefined> {
  // Long enough for an index over a large table; it runs in one transaction and can be repeated.
  if (site.programs.migrate) await runApi(site, 'migrate', site.programs.migrate, 600_000, { more: site.migration });
}

async function buildPage(site: Site): Promise<string | undefined> {
  if (!site.programs.buildPage) return 'left out';
  const printed = await runToEnd({
    name: 'build-page',
    command: serviceCommand(site.programs.buildPage, {}, ['--max-old-space-size=1024'], site.outer),
    timeoutMs: 300_000,
    log: logOf(site, 'build-page'),
    logPath: logPath(site, 'build-page'),
    signal: site.stopping.signal,
  });
  return printed.trim().split('\n').at(-1);
}

async function startTiers(site: Site): Promise<undefined> {
  await placeTiers(site);
  let first: unknown;
  const started = serviceNames.map((name) =>
    startTier(site, name).catch((error) => {
      // The others need not be waited for: without this tier the house does not start.
      first ??= error;
      site.stopping.abort();
    }),
  );
  await Promise.all(started);
  if (first !== undefined) throw first;
  const [worker] = site.replicas.get('document-worker') ?? [];
  if (worker) await offerToVerify(need(site, 'folder').path, settingsOf(site, 'document-worker', worker));
}

async function ownerLink(site: Site): Promise<string | undefined> {
  if (!site.programs.ownerLink) return 'left out';
  try {
    const printed = await runApi(site, 'owner-link', site.programs.ownerLink, 30_000, { secret: true });
    site.ownerToken = tokenIn(printed);
  } catch (error) {
    if (site.stopping.signal.aborted) throw error;
    site.tell(`no sign-in link could be made; sign in with your password, or start again. ${(error as Error).message}`);
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
  site: Site,
  name: string,
  program: readonly [string, ...string[]],
  timeoutMs: number,
  { more, ...how }: { secret?: true; more?: Settings } = {},
) {
  const [placement] = site.environment.tiers.api;
  if (!placement) throw new Error('the environment places no api tier');
  const { environment, run, outer } = site;
  const given = tierSettings({
    environment,
    name: 'api',
    placement,
    run: { ...run, ...site.own.api },
    outer,
    ...override(site, 'api'),
  });
  return runToEnd({
    name,
    command: serviceCommand(program, { ...given, ...more }, heapFlags('api', placement.memoryMiB), outer),
    timeoutMs,
    log: logOf(site, name),
    logPath: logPath(site, name),
    ...how,
    signal: site.stopping.signal,
  });
}

const override = (site: Site, name: ServiceName) => {
  const overrides = site.settings[name];
  return overrides ? { overrides } : {};
};
