/**
 * What runs: every service, its port, its public routes, whom it calls, what it uses and which settings it takes.
 *
 * Data only: it imports what a service is (definition.ts), the settings (settings.ts) and the metrics (metrics.ts) there
 * are. Security groups, network policies, local networks, the router, the load balancer's rules, scaling, alarms and the
 * environment of every process are derived from it, so an edge that is not declared here does not exist anywhere.
 */
import type { Definitions, Egress, ServiceDefinition, Store } from './definition.ts';
import { metricNames } from './metrics.ts';
import { type SettingName, settingGroups } from './settings.ts';

export type { Definitions, Egress, ImageBuild, ServiceDefinition, Store } from './definition.ts';
export { type Setting, type SettingName, settings } from './settings.ts';

const { process, database, identity, embedding, previousEmbedding, modelNames, models, parser } = settingGroups;

/** Read by every service that waits for its schema, applied by the api's `migrate`. */
const migrations = { migrations: 'services/shared/postgres/migrations' };

/** The Lua script of who asks for grants, or passes a meter. */
const scheduler = { lua: 'services/shared/scheduler/lua' };

export const services = {
  chat: {
    port: 8003,
    workload: 'sustained',
    routes: ['/v1/chat/*', '/v1/brains/*/search', '/v1/models', '/v1/models/*'],
    healthPath: '/readyz',
    calls: ['vectorstore', 'embedding', 'governor'],
    // Redis for answers in flight of the whole tier per model and for meters of accounts, where they have limits.
    uses: ['postgres', 'redis'],
    egress: ['model', 'embedding', 'rerank'],
    // Answers in flight per replica. Bounds memory; the next request is told to come back.
    options: { slots: { setting: 'CHAT_SLOTS', max: 1024 } },
    // An answer streams for minutes: replicas with few open requests are free, whoever's turn it is.
    balancing: 'least_outstanding_requests',
    scaling: {
      metric: metricNames.slotsInUse,
      unit: 'slots',
      of: 'replica',
      perReplica: { option: 'slots', percent: 70 }, // The rest covers the start of another.
      refused: { metric: metricNames.yieldsPerMinute, each: 0.1 }, // Who waits comes back every 6 s or so.
    },
    alarms: [
      {
        id: 'slots',
        metric: metricNames.slotsInUse,
        statistic: 'Average',
        // Nine tenths of what a lone tenant gets, which is seven eighths.
        above: { option: 'slots', percent: 78.75 },
        description: 'chat is nearly full: people are told to come back; raise its replicas',
      },
    ],
    charts: [
      { title: 'Chat: slots in use per replica', metric: metricNames.slotsInUse, statistics: ['Average', 'Maximum'] },
      { title: 'Chat: yields per minute', metric: metricNames.yieldsPerMinute, statistics: ['Average', 'Maximum'] },
    ],
    build: { files: { ...migrations, ...scheduler }, budgetMiB: 15 },
    settings: [
      ...process,
      ...database,
      ...identity,
      ...embedding,
      ...previousEmbedding,
      'VECTORSTORE_URL',
      'REDIS_URL',
      ...settingGroups.governor,
      'SERVICE_TOKEN_PRIVATE_KEY',
      'CHAT_SLOTS',
      'TURN_TIMEOUT_MS',
      ...modelNames,
      ...models,
    ],
  },
  api: {
    port: 8002,
    workload: 'interactive',
    routes: ['/v1/*'],
    healthPath: '/readyz',
    calls: [],
    uses: ['postgres', 'redis', 'document-store'],
    egress: ['identity-provider', 'mail'],
    // Gates every rollout the same way on every platform, under an advisory lock.
    initStep: { command: ['node', 'main.js', 'migrate'], settings: ['DATABASE_OWNER_URL', 'DATABASE_ROLE_PASSWORDS'] },
    build: { files: { ...migrations, ...scheduler }, budgetMiB: 15 },
    settings: [
      ...[...process, ...database, ...identity, ...settingGroups.limitsPerDay],
      'OIDC_UNVERIFIED_EMAIL_ISSUER',
      'SMTP_URL',
      'MAIL_FROM',
      'REDIS_URL',
      'DOCUMENT_STORE_URL',
      'UPLOAD_BYTES_MAX',
      'PAGES_MAX',
      'PARSER_BACKEND',
      ...settingGroups.webhooks,
      // Only whether there is one: the api embeds nothing.
      'EMBEDDING_URL',
      'EMBEDDING_MODEL',
      'EMBEDDING_DIMENSIONS',
      'PREDICTED_CAPACITY',
      ...modelNames,
    ],
  },
  web: {
    port: 8001,
    workload: 'interactive',
    routes: ['/*'],
    healthPath: '/readyz',
    calls: [],
    uses: [],
    egress: [],
    build: { files: { dist: 'services/web/dist' }, prepare: 'services/web/build.ts', budgetMiB: 15 },
    settings: [...process],
  },
  'document-worker': {
    port: 8004,
    workload: 'batch',
    routes: [],
    healthPath: '/readyz',
    calls: ['vectorstore', 'embedding'],
    uses: ['postgres', 'redis', 'document-store'],
    egress: ['embedding', 'parser', 'webhook'],
    build: {
      children: { child: 'services/document-worker/parser/child.ts' },
      files: { ...migrations, ...scheduler },
      // As WebAssembly: 4.6 MB.
      packages: ['@embedpdf/pdfium'],
      budgetMiB: 40,
    },
    interruptible: true,
    options: {
      // Parser child processes per replica.
      parserChildren: { setting: 'PARSER_CHILDREN', max: 4 },
      // Whether it starts where a parser could reach a network.
      parserIsolation: { setting: 'PARSER_ISOLATION', values: ['preferred', 'required'] },
    },
    // Peaks of `npm run bench -- ingest`, whatever the document's size: 185 and 123 MiB. A page that needs more fails alone.
    memory: { mainMiB: 192, perOptionMiB: { parserChildren: 128 } },
    // Four windows of 50 pages wait for each replica before another starts.
    scaling: { metric: metricNames.pagesGrantedAndWaiting, unit: 'pages', of: 'tier', perReplica: 200 },
    alarms: [
      {
        id: 'backlog',
        metric: metricNames.pagesGrantedAndWaiting,
        statistic: 'Maximum',
        // More than three hours at a parser account's usual 100 pages a minute: a person decides.
        above: 20_000,
        periods: 6,
        description: 'documents wait long: raise replicas or lower quotas',
      },
      {
        id: 'day-limit',
        metric: metricNames.dayLimitUsed,
        statistic: 'Maximum',
        above: 80,
        periods: 1,
        description: 'a fifth of a limit of the day is left: then questions get 429 and jobs wait for tomorrow',
      },
    ],
    charts: [
      {
        title: 'Documents: pages granted and waiting',
        metric: metricNames.pagesGrantedAndWaiting,
        statistics: ['Maximum'],
      },
    ],
    // Documents stay on disk and in the parser children; a small heap is collected before it grows with the document.
    heapMiB: 128,
    // One that is read and one that comes next.
    scratchUploads: 2,
    settings: [
      ...process,
      ...database,
      ...embedding,
      'REDIS_URL',
      'DOCUMENT_STORE_URL',
      'VECTORSTORE_URL',
      'SERVICE_TOKEN_PRIVATE_KEY',
      'PAGES_MAX',
      'PAGE_TIMEOUT_MS',
      'PARSER_CHILDREN',
      ...parser,
      ...settingGroups.webhooks,
      'SCRATCH_BYTES_MAX',
      'PARSER_ISOLATION',
    ],
  },
  vectorstore: {
    port: 8005,
    workload: 'sustained',
    routes: [],
    healthPath: '/readyz',
    calls: [],
    uses: ['postgres', 'document-store'],
    egress: [],
    // The native module: 155 MB without its symbols.
    build: { files: migrations, packages: ['@lancedb/lancedb-linux-{arch}-gnu'], budgetMiB: 200 },
    settings: [
      ...process,
      ...database,
      'DOCUMENT_STORE_URL',
      'SERVICE_TOKEN_PUBLIC_KEYS',
      'CACHE_MIB',
      'TOKIO_WORKER_THREADS',
    ],
  },
  embedding: {
    // Without it documents are searched by full text alone.
    optional: true,
    port: 8006,
    workload: 'sustained',
    routes: [],
    urlPath: '/v1',
    healthPath: '/readyz',
    calls: [],
    uses: [],
    egress: [],
    // The model lies outside of the heap.
    heapMiB: 96,
    build: {
      children: { worker: 'services/embedding/inference/worker.ts' },
      files: { weights: 'services/embedding/dist' },
      prepare: 'services/embedding/fetch-weights.ts',
      packages: ['onnxruntime-node', 'onnxruntime-common'],
      // The weights are 69 MB of it, the runtime 45.
      budgetMiB: 130,
    },
    settings: [...process, 'SERVICE_TOKEN_PUBLIC_KEYS', 'EMBEDDING_WEIGHTS_FOLDER'],
  },
  governor: {
    // Without it chat calls its model directly.
    optional: true,
    port: 8008,
    workload: 'sustained',
    routes: [],
    healthPath: '/readyz',
    calls: [],
    uses: ['redis'],
    egress: ['model'],
    // Requests of all replicas together that its model gets at a time.
    options: { maxInFlight: { setting: 'GOVERNOR_MAX_IN_FLIGHT', max: 1024 } },
    balancing: 'least_outstanding_requests',
    charts: [
      {
        title: 'Governor: slots in use per replica',
        metric: metricNames.slotsInUse,
        statistics: ['Average', 'Maximum'],
      },
      { title: 'Governor: yields per minute', metric: metricNames.yieldsPerMinute, statistics: ['Average', 'Maximum'] },
    ],
    build: { budgetMiB: 15 },
    settings: [
      ...process,
      'REDIS_URL',
      'GOVERNOR_BACKEND_URL',
      'GOVERNOR_MAX_IN_FLIGHT',
      'GOVERNOR_TOKEN',
      'GOVERNOR_JOB_TIMEOUT_MS',
    ],
  },
} as const satisfies Record<string, ServiceDefinition<SettingName, Egress>>;

/** What `node main.js migrate` of the api reads beside the api's own settings. */
export const migration = services.api.initStep;

/** The role in PostgreSQL that a service is. @example 'document-worker' -> 'bulkhead_document_worker' */
export const databaseRole = (service: string): string => `bulkhead_${service.replaceAll('-', '_')}`;

export type ServiceName = keyof typeof services;

/** Services that an environment may leave out. */
export type OptionalService = {
  [Name in ServiceName]: (typeof services)[Name] extends { readonly optional: true } ? Name : never;
}[ServiceName];

export const serviceNames = Object.keys(services) as ServiceName[];

/** What is declared of a service, every field of it. */
export const definitionOf = (name: ServiceName): ServiceDefinition => services[name];

/** Services that it calls. */
export const callsOf = (name: ServiceName): readonly ServiceName[] => services[name].calls;

export const usesStore = (name: ServiceName, store: Store): boolean => definitionOf(name).uses.includes(store);

/** Services of these that sign what they send to others, each with a key of its own. */
export const signersOf = (names: readonly ServiceName[]): ServiceName[] =>
  names.filter((name) => definitionOf(name).settings.includes('SERVICE_TOKEN_PRIVATE_KEY'));

/** A service's name as a part of a variable's. @example 'document-worker' -> 'DOCUMENT_WORKER' */
export const variablePart = (service: string): string => service.toUpperCase().replaceAll('-', '_');

/** The setting that says where a service is. @example 'vectorstore' -> 'VECTORSTORE_URL' */
export const urlSetting = (service: string): SettingName => `${variablePart(service)}_URL` as SettingName;

/** Of these services alone. */
export const definitionsOf = (names: readonly ServiceName[]): Definitions<ServiceName> =>
  Object.fromEntries(names.map((name) => [name, services[name]])) as unknown as Definitions<ServiceName>;
