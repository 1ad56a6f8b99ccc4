/**
 * The tables as TypeScript, generated from the migrations by kysely-codegen
 * (`--dialect postgres --type-only-imports --include-pattern 'public.*'`); a test compares them with a migrated database.
 * Two changes by hand: `bigint` and `numeric` are numbers, since database.ts parses them so (all stay below 2^53).
 */

import type { ColumnType } from 'kysely';

export type Generated<T> =
  T extends ColumnType<infer S, infer I, infer U> ? ColumnType<S, I | undefined, U> : ColumnType<T, T | undefined, T>;

export type Int8 = number;

export type Json = boolean | number | string | null | Json[] | { [x: string]: Json | undefined };

export type Numeric = number;

export type Timestamp = ColumnType<Date, Date | string, Date | string>;

export interface Accounts {
  access_token: string | null;
  access_token_expires_at: Timestamp | null;
  account_id: string;
  confined_to: Generated<string[] | null>;
  created_at: Generated<Timestamp>;
  id: string;
  id_token: string | null;
  password: string | null;
  person_id: string;
  provider_id: string;
  refresh_token: string | null;
  refresh_token_expires_at: Timestamp | null;
  scope: string | null;
  updated_at: Generated<Timestamp>;
}

export interface ApiKeys {
  created_at: Generated<Timestamp>;
  created_by: string | null;
  expires_at: Timestamp | null;
  id: string;
  last_used_at: Timestamp | null;
  name: string;
  pages_per_day_max: Int8 | null;
  prefix: string;
  questions_per_day_max: Int8 | null;
  revoked_at: Timestamp | null;
  scopes: string[];
  secret_sha256: Buffer;
  tenant_id: string;
  tokens_per_day_max: Int8 | null;
  usd_per_day_max: Numeric | null;
}

export interface Brains {
  created_at: Generated<Timestamp>;
  deleted_at: Timestamp | null;
  description: Generated<string>;
  embedding_dimensions: number;
  embedding_model: string;
  id: string;
  instructions: Generated<string>;
  model: string | null;
  name: string;
  next_embedding_dimensions: number | null;
  next_embedding_model: string | null;
  tenant_id: string;
  updated_at: Generated<Timestamp>;
}

export interface Conversations {
  api_key_id: string | null;
  brain_id: string;
  created_at: Generated<Timestamp>;
  id: string;
  person_id: string | null;
  state: Generated<Json>;
  state_version: Generated<number>;
  tenant_id: string;
  title: Generated<string>;
  updated_at: Generated<Timestamp>;
}

export interface Documents {
  brain_id: string;
  created_at: Generated<Timestamp>;
  deleted_at: Timestamp | null;
  extract_images: Generated<boolean>;
  extract_tables: Generated<boolean>;
  id: string;
  index_epoch: Generated<Int8>;
  media_type: string;
  name: string;
  object_key: string;
  pages_total: number | null;
  sha256: Buffer;
  size_bytes: Int8;
  tenant_id: string;
  uploaded_by: string | null;
  vectors_call: string | null;
  vectors_call_chunk: string | null;
  vectors_dimensions: number | null;
  vectors_model: string | null;
  vectors_page: Generated<number>;
  vectors_paused_until: Timestamp | null;
  vectors_pending: Generated<boolean>;
}

export interface EnvironmentLimits {
  id: Generated<boolean>;
  pages_per_day_max: Int8 | null;
  questions_per_day_max: Int8 | null;
  tokens_per_day_max: Int8 | null;
  usd_per_day_max: Numeric | null;
}

export interface Events {
  created_at: Generated<Timestamp>;
  data: Json | null;
  event: string;
  id: Generated<Int8>;
  person_id: string | null;
  resource_id: string;
  tenant_id: string;
  transaction_id: Generated<string>;
}

export interface IdempotencyKeys {
  created_at: Generated<Timestamp>;
  fingerprint: Buffer;
  key: string;
  response: Json | null;
  route: string;
  status: number | null;
  tenant_id: string;
}

export interface Jobs {
  api_key_id: string | null;
  attempt: Generated<number>;
  brain_id: string | null;
  created_at: Generated<Timestamp>;
  document_id: string | null;
  embedding_usd: Numeric | null;
  embedding_usd_left: Generated<Numeric>;
  epoch: Generated<Int8>;
  error: Json | null;
  expires_at: Timestamp | null;
  finished_at: Timestamp | null;
  id: string;
  kind: string;
  lease_epoch: Generated<Int8>;
  moved_at: Generated<Timestamp>;
  pages_done: Generated<number>;
  pages_failed: Generated<number>;
  pages_total: number | null;
  pages_without_text: Generated<number>;
  paused_until: Timestamp | null;
  price_usd: Numeric | null;
  stage: string | null;
  started_at: Timestamp | null;
  status: string;
  tenant_id: string;
}

export interface Ledger {
  amount: Int8;
  api_key_id: string | null;
  brain_id: string | null;
  cost_usd: Generated<Numeric | null>;
  created_at: Generated<Timestamp>;
  job_id: string | null;
  key: string;
  kind: string;
  model: string | null;
  repeated: Generated<boolean>;
  tenant_id: string;
  turn_id: string | null;
}

export interface Members {
  accepted_at: Timestamp | null;
  created_at: Generated<Timestamp>;
  id: string;
  name: string | null;
  person_id: string;
  role: string;
  tenant_id: string;
}

export interface Migrations {
  id: Generated<number>;
  name: string;
  run_on: Timestamp;
}

export interface Pages {
  created_at: Generated<Timestamp>;
  document_id: string;
  epoch: Int8;
  error_code: string | null;
  error_message: string | null;
  images_offset: Int8 | null;
  object_bytes: number | null;
  object_key: string;
  object_offset: Int8 | null;
  page_number: number;
  result_bytes: number | null;
  without_text: Generated<boolean>;
}

export interface ParserCalls {
  attempt: number;
  ended_at: Timestamp | null;
  id: string;
  job_id: string;
  outcome: string | null;
  pages: number[];
  parser: string;
  repeated: boolean;
  started_at: Generated<Timestamp>;
  tenant_id: string;
}

export interface People {
  created_at: Generated<Timestamp>;
  email: string;
  email_verified: Generated<boolean>;
  id: string;
  image: string | null;
  name: string;
  operator: Generated<boolean>;
  updated_at: Generated<Timestamp>;
}

export interface ReplicaMinutes {
  figures: Json;
  minute: Timestamp;
  replica: string;
  reported_at: Generated<Timestamp>;
  started_at: Timestamp;
  tier: string;
  version: string;
}

export interface Reservations {
  api_key_id: string | null;
  brain_id: string | null;
  entries: Json | null;
  expires_at: Timestamp;
  id: string;
  tenant_id: string;
  tokens: Int8;
  usd: Numeric;
}

export interface ScheduledTasks {
  declared_at: Generated<Timestamp>;
  error: string | null;
  failures_in_a_row: Generated<number>;
  finished_at: Timestamp | null;
  name: string;
  outcome: string | null;
  result: Json | null;
  schedule: string;
  started_at: Timestamp | null;
}

export interface Sessions {
  confined_to: Generated<string[] | null>;
  created_at: Generated<Timestamp>;
  expires_at: Timestamp;
  id: string;
  ip_address: string | null;
  person_id: string;
  tenant_id: string | null;
  token: string;
  updated_at: Generated<Timestamp>;
  user_agent: string | null;
}

export interface SignInLinks {
  created_at: Generated<Timestamp>;
  expires_at: Timestamp;
  mailed: Generated<boolean>;
  member_id: string | null;
  person_id: string;
  token_sha256: Buffer;
}

export interface Sweeps {
  name: string;
  place: string;
  updated_at: Generated<Timestamp>;
}

export interface Tenants {
  bytes_max: Int8 | null;
  confirm_pages_above: number | null;
  confirm_usd_above: Numeric | null;
  created_at: Generated<Timestamp>;
  documents_max: Int8 | null;
  id: string;
  logo: string | null;
  metadata: string | null;
  models_allowed: string[] | null;
  name: string;
  pages_per_day_max: Int8 | null;
  parser: string | null;
  questions_per_day_max: Int8 | null;
  slug: string;
  suspended_at: Timestamp | null;
  tokens_per_day_max: Int8 | null;
  usd_per_day_max: Numeric | null;
}

export interface TurnEvents {
  data: Json;
  event: string;
  place: number;
  turn_id: string;
}

export interface Turns {
  answer: Generated<string>;
  answered: boolean | null;
  answerer_kind: string;
  answerer_name: string;
  citations: Generated<Json>;
  continues: string | null;
  conversation_id: string;
  counted: Generated<boolean>;
  created_at: Generated<Timestamp>;
  error: Json | null;
  finish_reason: string | null;
  finished_at: Timestamp | null;
  id: string;
  lease_until: Timestamp;
  question: string;
  replica: string;
  retried: Generated<boolean>;
  retry_of: string | null;
  status: string;
  stop_requested: Generated<boolean>;
  tenant_id: string;
  unread_documents: Generated<number>;
  usage: Json | null;
  verdict: string | null;
}

export interface Verifications {
  created_at: Generated<Timestamp>;
  expires_at: Timestamp;
  id: string;
  identifier: string;
  updated_at: Generated<Timestamp>;
  value: string;
}

export interface WebhookDeliveries {
  attempts: Generated<number>;
  body: string;
  created_at: Generated<Timestamp>;
  event: string;
  finished_at: Timestamp | null;
  id: string;
  job_id: string | null;
  last_attempt_at: Timestamp | null;
  last_error: string | null;
  last_status: number | null;
  next_attempt_at: Generated<Timestamp>;
  status: Generated<string>;
  webhook_id: string;
}

export interface Webhooks {
  created_at: Generated<Timestamp>;
  delivered_at: Timestamp | null;
  disabled_at: Timestamp | null;
  disabled_reason: string | null;
  events: string[];
  failures_in_a_row: Generated<number>;
  id: string;
  paused_until: Timestamp | null;
  sending_until: Timestamp | null;
  tenant_id: string;
  url: string;
}

export interface WebhookSecrets {
  created_at: Generated<Timestamp>;
  expires_at: Timestamp | null;
  id: Generated<string>;
  secret: string;
  webhook_id: string;
}

export interface Tables {
  accounts: Accounts;
  api_keys: ApiKeys;
  brains: Brains;
  conversations: Conversations;
  documents: Documents;
  environment_limits: EnvironmentLimits;
  events: Events;
  idempotency_keys: IdempotencyKeys;
  jobs: Jobs;
  ledger: Ledger;
  members: Members;
  migrations: Migrations;
  pages: Pages;
  parser_calls: ParserCalls;
  people: People;
  replica_minutes: ReplicaMinutes;
  reservations: Reservations;
  scheduled_tasks: ScheduledTasks;
  sessions: Sessions;
  sign_in_links: SignInLinks;
  sweeps: Sweeps;
  tenants: Tenants;
  turn_events: TurnEvents;
  turns: Turns;
  verifications: Verifications;
  webhook_deliveries: WebhookDeliveries;
  webhook_secrets: WebhookSecrets;
  webhooks: Webhooks;
}
