/** Every environment variable that any service reads. Names carry their unit. Data only. */

export interface Setting {
  readonly type: 'text' | 'integer' | 'url';
  /** What it means, with its unit. */
  readonly what: string;
  /** Never rendered in plain text: a secret reference on AWS, a private file locally. */
  readonly secret?: true;
  /** Absent: the setting is required. `''`: it may be left out. */
  readonly default?: string;
}

export const settings = {
  HOST: { type: 'text', what: 'address to listen on', default: '127.0.0.1' },
  PORT: { type: 'integer', what: 'TCP port to listen on' },
  LOG_LEVEL: { type: 'text', what: 'pino level: trace, debug, info, warn, error', default: 'info' },
  REPLICA: { type: 'text', what: 'name of this replica in logs and leases', default: '' },
  ENVIRONMENT: { type: 'text', what: 'name of the environment, a dimension of metrics', default: 'local' },
  VERSION: { type: 'text', what: 'of this build, as operators are told it', default: '' },
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
  TENANT_REQUESTS_PER_SECOND: {
    type: 'integer',
    what: 'requests of one tenant that a replica answers per second while other tenants ask too',
    default: '150',
  },
  PAGES_PER_DAY_MAX: { type: 'text', what: 'pages that are read of all tenants a day; empty: no limit', default: '' },
  QUESTIONS_PER_DAY_MAX: { type: 'text', what: 'questions of all tenants a day; empty: no limit', default: '' },
  TOKENS_PER_DAY_MAX: {
    type: 'text',
    what: 'tokens of models and embeddings of all tenants a day; empty: no limit',
    default: '',
  },
  USD_PER_DAY_MAX: {
    type: 'text',
    what: 'US dollars of known prices of all tenants a day; empty: no limit',
    default: '',
  },
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
  WEBHOOK_PORTS: {
    type: 'text',
    what: 'ports at which webhooks may be received, separated by commas: 443; empty: none are sent',
    default: '',
  },
  WEBHOOK_ALLOWED_NETWORKS: {
    type: 'text',
    what: 'private networks that receivers may be in, as 10.1.0.0/16, separated by commas; empty: public addresses only',
    default: '',
  },
  UPLOAD_BYTES_MAX: { type: 'integer', what: 'largest upload in bytes', default: '100000000' },
  PAGES_MAX: { type: 'integer', what: 'most pages of one document', default: '5000' },
  PAGE_TIMEOUT_MS: { type: 'integer', what: 'longest time for one page', default: '30000' },
  PARSER_CHILDREN: { type: 'integer', what: 'parser child processes, 1 to 4', default: '4' },
  PARSER_ISOLATION: {
    type: 'text',
    what: "'required': do not start where a parser could reach a network; 'preferred': say so and go on",
    default: 'preferred',
  },
  PARSER_BACKEND: {
    type: 'text',
    what: "who reads PDFs: 'built-in', or a provider at PARSER_URL: 'docling' (docling-serve), 'unstructured'",
    default: 'built-in',
  },
  PARSER_URL: { type: 'text', what: "base URL of the provider's parser", default: '' },
  PARSER_API_KEY: { type: 'text', what: 'key for it; empty: none is sent', secret: true, default: '' },
  PARSER_PAGES_PER_REQUEST: {
    type: 'integer',
    what: 'most pages of one request to it; fewer let short documents pass long ones sooner',
    default: '5',
  },
  PARSER_REQUESTS_MAX: { type: 'integer', what: 'requests to it under way at once, of one replica', default: '4' },
  PARSER_TIMEOUT_MS: {
    type: 'integer',
    what: 'longest time for one request to it; docling-serve gives up after 120 s by itself',
    default: '150000',
  },
  PARSER_REQUEST_BYTES_MAX: { type: 'integer', what: 'largest PDF of one request to it, in bytes', default: '8000000' },
  PARSER_ANSWER_BYTES_MAX: { type: 'integer', what: 'largest answer that is read, in bytes', default: '8000000' },
  PARSER_REQUESTS_PER_MINUTE: { type: 'integer', what: "its account's limit; 0: none", default: '0' },
  PARSER_PAGES_PER_MINUTE: { type: 'integer', what: "its account's limit; 0: none", default: '0' },
  SCRATCH_BYTES_MAX: { type: 'integer', what: "documents on a worker's own disk, in bytes", default: '200000000' },
  CHAT_SLOTS: { type: 'integer', what: 'answers in flight per replica; the next gets 503 yield', default: '64' },
  PREDICTED_CAPACITY: {
    type: 'text',
    what: "JSON: what the environment's sheet says that it carries, for the operations page; empty: unknown",
    default: '',
  },
  GOVERNOR_URL: { type: 'text', what: 'base URL of the governor tier; empty: models are called directly', default: '' },
  GOVERNOR_BACKEND_URL: {
    type: 'text',
    what: 'inference endpoint behind the governor: lines are posted to it, over HTTP its origin gets what comes',
    default: '',
  },
  GOVERNOR_MAX_IN_FLIGHT: { type: 'integer', what: 'requests of all governors there at a time', default: '4' },
  GOVERNOR_TOKEN: {
    type: 'text',
    what: 'what callers of the governor must send; empty: nothing',
    secret: true,
    default: '',
  },
  GOVERNOR_JOB_TIMEOUT_MS: { type: 'integer', what: 'longest answer of the endpoint', default: '300000' },
  TURN_TIMEOUT_MS: { type: 'integer', what: 'longest time for one answer', default: '100000' },
  MODELS: {
    type: 'text',
    what: 'JSON: models that brains may be answered by, the default first (services/models.ts); instead of MODEL_URL',
    default: '',
  },
  MODEL_API_KEYS: { type: 'text', what: "JSON: a key for each 'key' that MODELS names", secret: true, default: '' },
  MODEL_URL: { type: 'text', what: 'OpenAI-compatible base URL; empty: the extractive answerer', default: '' },
  MODEL_NAME: { type: 'text', what: 'model to ask there', default: '' },
  MODELS_ALLOWED: {
    type: 'text',
    what: 'other models there that a brain may choose, separated by commas; empty: none',
    default: '',
  },
  MODEL_API_KEY: { type: 'text', what: 'key for it', secret: true, default: '' },
  RERANK_URL: {
    type: 'text',
    what: 'base URL of a reranker, /rerank comes after it; empty: passages stay as the search ranks them',
    default: '',
  },
  RERANK_MODEL: {
    type: 'text',
    what: 'reranker to ask there, as Cohere and Jina want it; empty: text-embeddings-inference, which serves one',
    default: '',
  },
  RERANK_API_KEY: { type: 'text', what: 'key for it', secret: true, default: '' },
  RERANK_REQUESTS_PER_MINUTE: { type: 'integer', what: "its account's limit; 0: none", default: '0' },
  RERANK_USD_PER_THOUSAND_CALLS: {
    type: 'text',
    what: 'what a thousand calls cost there, in US dollars; empty: unknown',
    default: '',
  },
  PARSER_USD_PER_THOUSAND_PAGES: {
    type: 'text',
    what: "what the provider's parser asks for a thousand pages, in US dollars; empty: unknown",
    default: '',
  },
  EMBEDDING_URL: {
    type: 'text',
    what: 'OpenAI-compatible base URL, of the embedding tier or another; empty: full text alone',
    default: '',
  },
  EMBEDDING_MODEL: {
    type: 'text',
    what: "embedding model to ask there; the default is the embedding tier's",
    default: 'universal-sentence-encoder-multilingual-3',
  },
  EMBEDDING_DIMENSIONS: { type: 'integer', what: 'length of its vectors', default: '512' },
  EMBEDDING_API_KEY: { type: 'text', what: 'key for it', secret: true, default: '' },
  EMBEDDING_USD_PER_MILLION_TOKENS: {
    type: 'text',
    what: 'what a million tokens cost there, in US dollars; empty: as services/shared/ledger/known-prices.ts says, else unknown; nothing at the embedding tier',
    default: '',
  },
  EMBEDDING_REQUESTS_PER_MINUTE: { type: 'integer', what: "its account's limit; 0: none", default: '0' },
  EMBEDDING_TOKENS_PER_MINUTE: { type: 'integer', what: "its account's limit; 0: none", default: '0' },
  EMBEDDING_PREVIOUS_URL: {
    type: 'text',
    what: 'as EMBEDDING_URL, of the model before: it embeds questions on brains that are not embedded anew yet; empty: these are searched by full text meanwhile',
    default: '',
  },
  EMBEDDING_PREVIOUS_MODEL: { type: 'text', what: 'embedding model to ask there', default: '' },
  EMBEDDING_PREVIOUS_DIMENSIONS: { type: 'integer', what: 'length of its vectors', default: '512' },
  EMBEDDING_PREVIOUS_API_KEY: { type: 'text', what: 'key for it', secret: true, default: '' },
  EMBEDDING_WEIGHTS_FOLDER: {
    type: 'text',
    what: 'folder that holds graph.onnx and tokenizer.model, as fetch-weights.ts writes them',
    default: '/app/weights',
  },
  CACHE_MIB: { type: 'integer', what: 'index and file cache of one vectorstore replica', default: '256' },
  TOKIO_WORKER_THREADS: { type: 'integer', what: 'threads that carry on queries and commits of LanceDB', default: '4' },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;

/** Settings that services take together. */
export const settingGroups = {
  process: [
    'HOST',
    'PORT',
    'LOG_LEVEL',
    'REPLICA',
    'ENVIRONMENT',
    'VERSION',
    'STOP_TIMEOUT_MS',
    'KEEP_ALIVE_TIMEOUT_MS',
  ],
  database: ['DATABASE_URL', 'DATABASE_CONNECTIONS_MAX'],
  identity: [
    'AUTH_SECRET',
    'PUBLIC_URL',
    'TENANT_REQUESTS_PER_SECOND',
    'OIDC_ISSUER',
    'OIDC_CLIENT_ID',
    'OIDC_CLIENT_SECRET',
  ],
  limitsPerDay: ['PAGES_PER_DAY_MAX', 'QUESTIONS_PER_DAY_MAX', 'TOKENS_PER_DAY_MAX', 'USD_PER_DAY_MAX'],
  embedding: [
    'EMBEDDING_URL',
    'EMBEDDING_MODEL',
    'EMBEDDING_DIMENSIONS',
    'EMBEDDING_API_KEY',
    'EMBEDDING_USD_PER_MILLION_TOKENS',
    'EMBEDDING_REQUESTS_PER_MINUTE',
    'EMBEDDING_TOKENS_PER_MINUTE',
  ],
  previousEmbedding: [
    'EMBEDDING_PREVIOUS_URL',
    'EMBEDDING_PREVIOUS_MODEL',
    'EMBEDDING_PREVIOUS_DIMENSIONS',
    'EMBEDDING_PREVIOUS_API_KEY',
  ],
  webhooks: ['WEBHOOK_PORTS', 'WEBHOOK_ALLOWED_NETWORKS'],
  parser: [
    'PARSER_BACKEND',
    'PARSER_URL',
    'PARSER_API_KEY',
    'PARSER_PAGES_PER_REQUEST',
    'PARSER_REQUESTS_MAX',
    'PARSER_TIMEOUT_MS',
    'PARSER_REQUEST_BYTES_MAX',
    'PARSER_ANSWER_BYTES_MAX',
    'PARSER_REQUESTS_PER_MINUTE',
    'PARSER_PAGES_PER_MINUTE',
    'PARSER_USD_PER_THOUSAND_PAGES',
  ],
  modelNames: ['MODELS', 'MODEL_NAME', 'MODELS_ALLOWED'],
  models: [
    'MODEL_URL',
    'MODEL_API_KEY',
    'MODEL_API_KEYS',
    'RERANK_URL',
    'RERANK_MODEL',
    'RERANK_API_KEY',
    'RERANK_REQUESTS_PER_MINUTE',
    'RERANK_USD_PER_THOUSAND_CALLS',
  ],
} as const satisfies Record<string, readonly SettingName[]>;
