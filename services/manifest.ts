/**
 * What runs: every service, its port, its public routes, whom it calls, what it uses and which settings it takes.
 *
 * Data only; this file imports nothing. Security groups, network policies, local networks, the router, the load
 * balancer's rules and the environment of every process are derived from it, so an edge that is not declared here does
 * not exist anywhere.
 */

/** Stores that services may use. Each is a network edge, like a call. */
export type Store = 'postgres' | 'redis' | 'document-store';

/** Paid or foreign endpoints outside the environment that a service may reach. */
export type Egress = 'model' | 'embedding' | 'identity-provider' | 'mail';

export interface Service {
  /** TCP port inside the tier's own network: the same in a container, a task, a pod and behind the internal balancer. */
  readonly port: number;
  /** Public path patterns; `*` matches any characters, `/` included. The first match in {@link routeTable} wins. */
  readonly routes: readonly string[];
  /** Answers 200 only when the first request will be as fast as the tenth. */
  readonly healthPath: '/readyz';
  /** Services it sends HTTP requests to. */
  readonly calls: readonly ServiceName[];
  readonly uses: readonly Store[];
  readonly egress: readonly Egress[];
  /** Names in {@link settings} that it reads; it sees no other. */
  readonly settings: readonly SettingName[];
  /** Heap of its main process in MiB, where most of the budget belongs to something else. Absent: a share of the budget. */
  readonly heapMiB?: number;
  /** Documents of the largest size that it keeps on its own disk at once. Absent: none. */
  readonly scratchUploads?: number;
  /**
   * How long its work lasts, for machines that tiers share. `interactive`: a few milliseconds for one who waits. `sustained`:
   * can fill its budget for long. `batch`: that too, and nobody waits for a single step of it.
   */
  readonly workload: 'interactive' | 'sustained' | 'batch';
}

export interface Setting {
  readonly type: 'text' | 'integer' | 'url';
  /** What it means, with its unit. */
  readonly what: string;
  /** Never rendered in plain text: a secret reference on AWS, a private file locally. */
  readonly secret?: true;
  /** Absent: the setting is required. `''`: it may be left out. */
  readonly default?: string;
}

/** Every environment variable that any service reads. Names carry their unit. */
export const settings = {
  HOST: { type: 'text', what: 'address to listen on', default: '127.0.0.1' },
  PORT: { type: 'integer', what: 'TCP port to listen on' },
  LOG_LEVEL: { type: 'text', what: 'pino level: trace, debug, info, warn, error', default: 'info' },
  REPLICA: { type: 'text', what: 'name of this replica in logs and leases', default: '' },
  ENVIRONMENT: { type: 'text', what: 'name of the environment, a dimension of metrics', default: 'local' },
  STOP_TIMEOUT_MS: { type: 'integer', what: 'time from SIGTERM until the process must be gone', default: '30000' },
  KEEP_ALIVE_TIMEOUT_MS: {
    type: 'integer',
    what: 'time until an idle connection is closed; longer than that of the balancer in front',
    default: '140000',
  },
  DATABASE_URL: { type: 'url', what: "PostgreSQL, as the tier's own role", secret: true },
  DATABASE_OWNER_URL: { type: 'url', what: 'PostgreSQL, as the owner of its tables', secret: true },
  DATABASE_ROLE_PASSWORDS: { type: 'text', what: "JSON: a password for each tier's role", secret: true },
  DATABASE_CONNECTIONS_MAX: { type: 'integer', what: 'connections of this process to PostgreSQL', default: '10' },
  REDIS_URL: { type: 'url', what: 'Redis', secret: true },
  DOCUMENT_STORE_URL: { type: 'url', what: 'file:///folder or s3://bucket/prefix' },
  VECTORSTORE_URL: { type: 'url', what: 'base URL of the vectorstore tier' },
  SERVICE_TOKEN_PRIVATE_KEY: {
    type: 'text',
    what: "this tier's own Ed25519 key, PKCS#8 as PEM; signs its calls to other tiers",
    secret: true,
  },
  // Not secret, but made where secrets are made.
  SERVICE_TOKEN_PUBLIC_KEYS: {
    type: 'text',
    what: 'JSON: an Ed25519 key, SPKI as PEM, for each tier that calls this one',
    secret: true,
  },
  AUTH_SECRET: { type: 'text', what: 'signs sessions; at least 32 bytes', secret: true },
  PUBLIC_URL: { type: 'url', what: 'where people reach the service' },
  OIDC_ISSUER: { type: 'text', what: 'issuer of the company sign-in; empty: password only', default: '' },
  OIDC_CLIENT_ID: { type: 'text', what: 'client id at the issuer', default: '' },
  OIDC_CLIENT_SECRET: { type: 'text', what: 'client secret at the issuer', secret: true, default: '' },
  OIDC_UNVERIFIED_EMAIL_ISSUER: {
    type: 'text',
    what: 'the issuer again, if it sends no email_verified and lets nobody choose an address; else whoever chooses one at the issuer signs in as its owner here; empty: only verified addresses',
    default: '',
  },
  SMTP_URL: {
    type: 'text',
    what: 'mail server, smtps://user:password@host:465; empty: inviters see the sign-in links of those they add',
    secret: true,
    default: '',
  },
  MAIL_FROM: { type: 'text', what: 'sender of mail, needed with SMTP_URL', default: '' },
  UPLOAD_BYTES_MAX: { type: 'integer', what: 'largest upload in bytes', default: '100000000' },
  PAGES_MAX: { type: 'integer', what: 'most pages of one document', default: '5000' },
  PAGE_TIMEOUT_MS: { type: 'integer', what: 'longest time for one page', default: '30000' },
  PARSER_CHILDREN: { type: 'integer', what: 'parser child processes, 1 to 4', default: '4' },
  PARSER_ISOLATION: {
    type: 'text',
    what: "'required': do not start where a parser could reach a network; 'preferred': say so and go on",
    default: 'preferred',
  },
  SCRATCH_BYTES_MAX: { type: 'integer', what: "documents on a worker's own disk, in bytes", default: '200000000' },
  CHAT_SLOTS: { type: 'integer', what: 'answers in flight per replica; the next gets 503 yield', default: '64' },
  TURN_TIMEOUT_MS: { type: 'integer', what: 'longest time for one answer', default: '100000' },
  MODEL_URL: { type: 'text', what: 'OpenAI-compatible base URL; empty: the extractive answerer', default: '' },
  MODEL_NAME: { type: 'text', what: 'model to ask there', default: '' },
  MODELS_ALLOWED: {
    type: 'text',
    what: 'other models there that a brain may choose, separated by commas; empty: none',
    default: '',
  },
  MODEL_API_KEY: { type: 'text', what: 'key for it', secret: true, default: '' },
  EMBEDDING_URL: {
    type: 'text',
    what: 'OpenAI-compatible base URL; empty: the lexical hashing embedding',
    default: '',
  },
  EMBEDDING_MODEL: { type: 'text', what: 'embedding model to ask there', default: '' },
  EMBEDDING_DIMENSIONS: { type: 'integer', what: 'length of its vectors', default: '384' },
  EMBEDDING_API_KEY: { type: 'text', what: 'key for it', secret: true, default: '' },
  CACHE_MIB: { type: 'integer', what: 'index and file cache of one vectorstore replica', default: '256' },
  TOKIO_WORKER_THREADS: { type: 'integer', what: 'threads that carry on queries and commits of LanceDB', default: '4' },
} as const satisfies Record<string, Setting>;

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

export const services = {
  chat: {
    port: 8003,
    workload: 'sustained',
    routes: ['/v1/chat/*', '/v1/models'],
    healthPath: '/readyz',
    calls: ['vectorstore'],
    uses: ['postgres'],
    egress: ['model', 'embedding'],
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
    settings: [
      ...process,
      ...database,
      'DOCUMENT_STORE_URL',
      'SERVICE_TOKEN_PUBLIC_KEYS',
      'CACHE_MIB',
      'TOKIO_WORKER_THREADS',
    ],
  },
} as const satisfies Record<ServiceName, Service>;

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

/** Services that call another one, so that each has a key to sign with. */
export const callers = (): ServiceName[] => serviceNames.filter((name) => services[name].calls.length > 0);

export type ServiceName = 'chat' | 'api' | 'web' | 'document-worker' | 'vectorstore';
export type SettingName = keyof typeof settings;

export const serviceNames = Object.keys(services) as ServiceName[];

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
