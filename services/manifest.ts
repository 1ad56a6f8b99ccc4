/**
 * What runs: every service, its port, its public routes, whom it calls, what it uses and which settings it takes.
 *
 * Data only: it imports what a service is (definition.ts) and the settings there are (settings.ts). Security groups,
 * network policies, local networks, the router, the load balancer's rules and the environment of every process are
 * derived from it, so an edge that is not declared here does not exist anywhere.
 */
import type { ServiceDefinition, Store } from './definition.ts';
import type { SettingName } from './settings.ts';

export type { Egress, ImageBuild, ServiceDefinition, Store } from './definition.ts';
export { type Setting, type SettingName, settings } from './settings.ts';

const process = [
  'HOST',
  'PORT',
  'LOG_LEVEL',
  'REPLICA',
  'ENVIRONMENT',
  'STOP_TIMEOUT_MS',
  'KEEP_ALIVE_TIMEOUT_MS',
] as const;
const database = ['DATABASE_URL', 'DATABASE_CONNECTIONS_MAX'] as const;
const identity = ['AUTH_SECRET', 'PUBLIC_URL', 'OIDC_ISSUER', 'OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET'] as const;
const embedding = ['EMBEDDING_URL', 'EMBEDDING_MODEL', 'EMBEDDING_DIMENSIONS', 'EMBEDDING_API_KEY'] as const;

/** Read by every service that waits for its schema, applied by the api's `migrate`. */
const migrations = { migrations: 'services/shared/postgres/migrations' };

/** The Lua script of who asks for grants. */
const scheduler = { lua: 'services/shared/scheduler/lua' };

export const services = {
  chat: {
    port: 8003,
    workload: 'sustained',
    routes: ['/v1/chat/*', '/v1/brains/*/search', '/v1/models'],
    healthPath: '/readyz',
    calls: ['vectorstore'],
    uses: ['postgres'],
    egress: ['model', 'embedding'],
    build: { files: migrations, budgetMiB: 15 },
    settings: [
      ...process,
      ...database,
      ...identity,
      ...embedding,
      'VECTORSTORE_URL',
      'SERVICE_TOKEN_PRIVATE_KEY',
      'CHAT_SLOTS',
      'TURN_TIMEOUT_MS',
      'MODEL_URL',
      'MODEL_NAME',
      'MODELS_ALLOWED',
      'MODEL_API_KEY',
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
    build: { files: { ...migrations, ...scheduler }, budgetMiB: 15 },
    settings: [
      ...process,
      ...database,
      ...identity,
      'OIDC_UNVERIFIED_EMAIL_ISSUER',
      'SMTP_URL',
      'MAIL_FROM',
      'REDIS_URL',
      'DOCUMENT_STORE_URL',
      'UPLOAD_BYTES_MAX',
      'PAGES_MAX',
      'EMBEDDING_MODEL',
      'EMBEDDING_DIMENSIONS',
      'MODEL_NAME',
      'MODELS_ALLOWED',
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
    calls: ['vectorstore'],
    uses: ['postgres', 'redis', 'document-store'],
    egress: ['embedding'],
    build: {
      children: { child: 'services/document-worker/parser/child.ts' },
      files: { ...migrations, ...scheduler },
      // As WebAssembly: 4.6 MB.
      packages: ['@embedpdf/pdfium'],
      budgetMiB: 40,
    },
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
} as const satisfies Record<string, ServiceDefinition>;

/** The init step, `node main.js migrate` of the api: what it reads beside the api's own settings, and no tier reads. */
export const migration = {
  settings: ['DATABASE_OWNER_URL', 'DATABASE_ROLE_PASSWORDS'],
} as const satisfies { settings: readonly SettingName[] };

/** The role in PostgreSQL that a service is. @example 'document-worker' -> 'bulkhead_document_worker' */
export const databaseRole = (service: string): string => `bulkhead_${service.replaceAll('-', '_')}`;

/** What a call is for. */
export type Verb = 'search' | 'read' | 'write' | 'delete';

/** What each caller may do where it calls; the callee holds it, whatever the caller signs. */
export const callVerbs: Readonly<
  Partial<Record<ServiceName, Readonly<Partial<Record<ServiceName, readonly Verb[]>>>>>
> = {
  chat: { vectorstore: ['search'] },
  'document-worker': { vectorstore: ['read', 'write', 'delete'] },
  // Itself, as it warms up, with a key that never leaves the process.
  vectorstore: { vectorstore: ['search'] },
};

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

/** The one route table: `[pattern, owner]` in matching order. */
export const routeTable: readonly (readonly [pattern: string, owner: ServiceName])[] = serviceNames.flatMap((name) =>
  services[name].routes.map((pattern) => [pattern, name] as const),
);

/** The service that owns a public path, as a load balancer decides it: first match, `*` crosses `/`. */
export function routeOwner(path: string): ServiceName | undefined {
  return routeTable.find(([pattern]) => matches(pattern, path))?.[1];
}

function matches(pattern: string, path: string): boolean {
  const source = pattern
    .split('*')
    .map((literal) => literal.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${source}$`).test(path);
}
