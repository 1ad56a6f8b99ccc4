/** Chat and a vectorstore in this process, over real HTTP, with people made up by headers. */
import type { AddressInfo } from 'node:net';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { uuidv7 } from 'uuidv7';
import { type ChatSettings, createChat } from '../../../services/chat/app.ts';
import type { Authenticate } from '../../../services/shared/auth/identity.ts';
import type { Conversation, Turn } from '../../../services/shared/contract/chat.ts';
import type { Role } from '../../../services/shared/contract/people.ts';
import { vectorstorePaths } from '../../../services/shared/contract/vectorstore.ts';
import { openDatabase } from '../../../services/shared/postgres/database.ts';
import { privateKeyOf } from '../../support/service-keys.ts';
import { startServices, type TestServices } from '../../support/stores.ts';
import { chunksOf, dimensions, startVectorstore, type TestBrain } from '../vectorstore/fixture.ts';
import { startModelServer } from './models/model-server.ts';

export interface Person {
  readonly tenantId: string;
  readonly personId: string;
  readonly keyId?: string;
  /** @default 'member' */
  readonly role?: Role;
}

/** The real one is tested in test/services/shared; here a header says who asks. */
const authenticate: Authenticate = async ({ headers }) => {
  const given = headers['x-person'];
  if (typeof given !== 'string') return null;
  const { tenantId, personId, keyId, role = 'member' } = JSON.parse(given) as Person;
  return {
    tenantId,
    personId: keyId ? null : personId,
    keyId: keyId ?? null,
    role,
    scopes: keyId ? ['chat'] : null,
    operator: false,
  };
};

export interface ChatFixtureOptions {
  readonly modelUrl?: string;
  readonly slots?: number;
  readonly reconnectGraceMs?: number;
  /** Through a proxy, for instance. @default the services' own */
  readonly databaseUrl?: string;
  /** That differ from the usual ones. */
  readonly settings?: Partial<ChatSettings>;
  readonly rerankTimeoutMs?: number;
  readonly modelTimeouts?: { readonly firstTokenMs?: number; readonly tokenMs?: number };
}

export async function startSearch(services: TestServices) {
  const vectorstore = await startVectorstore(services);
  await vectorstore.app.http.listen({ host: '127.0.0.1', port: 0 });
  const { db } = vectorstore;
  return {
    db,
    url: `http://127.0.0.1:${(vectorstore.app.http.server.address() as AddressInfo).port}`,
    newBrain: vectorstore.newBrain,
    newPerson: async (tenantId: string): Promise<Person> => {
      const personId = uuidv7();
      await db
        .insertInto('people')
        .values({ id: personId, name: 'Person', email: `${personId}@example.com` })
        .execute();
      return { tenantId, personId };
    },
    /** Each text is a page. */
    addPages: async (brain: TestBrain, pages: readonly string[]) => {
      const path = vectorstorePaths.upsert(brain.brainId, brain.documentId);
      const body = { epoch: 0, dimensions, chunks: chunksOf(brain.documentId, pages) };
      return (await vectorstore.post(path, brain, body)).status;
    },
    close: vectorstore.close,
  };
}
export type TestSearch = Awaited<ReturnType<typeof startSearch>>;

export async function startChat(services: TestServices, search: TestSearch, options: ChatFixtureOptions = {}) {
  const { modelUrl = '', slots = 8, reconnectGraceMs = 10_000, modelTimeouts } = options;
  const { log } = services;
  const { databaseUrl = services.databaseUrlOf('chat') } = options;
  const { db, close } = openDatabase({ url: databaseUrl, connectionsMax: 5, log });
  const chat = await createChat({
    db,
    authenticate,
    log,
    reconnectGraceMs,
    modelTimeouts,
    rerankTimeoutMs: options.rerankTimeoutMs,
    settings: {
      DATABASE_URL: databaseUrl,
      VECTORSTORE_URL: search.url,
      SERVICE_TOKEN_PRIVATE_KEY: privateKeyOf('chat'),
      AUTH_SECRET: 'a secret of at least thirty-two bytes',
      PUBLIC_URL: 'http://localhost:8080',
      REDIS_URL: services.redisUrl,
      GOVERNOR_URL: '',
      GOVERNOR_BACKEND_URL: '',
      GOVERNOR_TOKEN: '',
      CHAT_SLOTS: slots,
      ENVIRONMENT: 'local',
      TURN_TIMEOUT_MS: 100_000,
      REPLICA: 'test',
      VERSION: '',
      STOP_TIMEOUT_MS: 6000,
      EMBEDDING_USD_PER_MILLION_TOKENS: '',
      EMBEDDING_REQUESTS_PER_MINUTE: 0,
      EMBEDDING_TOKENS_PER_MINUTE: 0,
      RERANK_REQUESTS_PER_MINUTE: 0,
      RERANK_URL: '',
      RERANK_USD_PER_THOUSAND_CALLS: '',
      RERANK_MODEL: '',
      RERANK_API_KEY: '',
      MODELS: '',
      MODEL_API_KEYS: '',
      MODEL_URL: modelUrl,
      MODEL_NAME: modelUrl && 'test-model',
      MODELS_ALLOWED: modelUrl && 'larger-model',
      MODEL_API_KEY: '',
      EMBEDDING_URL: '',
      EMBEDDING_MODEL: '',
      EMBEDDING_DIMENSIONS: dimensions,
      EMBEDDING_QUERY_PREFIX: '',
      EMBEDDING_PASSAGE_PREFIX: '',
      EMBEDDING_API_KEY: '',
      EMBEDDING_PREVIOUS_URL: '',
      EMBEDDING_PREVIOUS_MODEL: '',
      EMBEDDING_PREVIOUS_DIMENSIONS: dimensions,
      EMBEDDING_PREVIOUS_QUERY_PREFIX: '',
      EMBEDDING_PREVIOUS_API_KEY: '',
      ...options.settings,
    },
  });
  await chat.app.http.listen({ host: '127.0.0.1', port: 0 });
  const base = `http://127.0.0.1:${(chat.app.http.server.address() as AddressInfo).port}`;

  const call = async (
    person: Person,
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
    signal?: AbortSignal,
  ) =>
    fetch(base + path, {
      method,
      headers: { 'x-person': JSON.stringify(person), ...(body && { 'content-type': 'application/json' }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
      signal,
    });
  const json = async <Body>(...given: Parameters<typeof call>): Promise<Body> =>
    (await (await call(...given)).json()) as Body;
  return {
    app: chat.app,
    url: base,
    call,
    json,
    newConversation: (person: Person, brain: TestBrain) =>
      json<Conversation>(person, 'POST', '/v1/chat/conversations', { brain_id: brain.brainId }),
    ask: (
      person: Person,
      conversation: Conversation,
      question: string,
      headers: Record<string, string> = {},
      signal?: AbortSignal,
    ) => call(person, 'POST', `/v1/chat/conversations/${conversation.id}/turns`, { question }, headers, signal),
    resume: (person: Person, turnId: string, after: number) =>
      call(person, 'GET', `/v1/chat/turns/${turnId}/events`, undefined, { 'last-event-id': String(after) }),
    turn: (person: Person, turnId: string) => json<Turn>(person, 'GET', `/v1/chat/turns/${turnId}`),
    drain: () => chat.app.drain(),
    close: async () => {
      chat.app.drain();
      await chat.app.http.close();
      await chat.close();
      await close();
    },
    /** As a kill: nothing is told to anybody. */
    closeDatabase: close,
  };
}
export type TestChat = Awaited<ReturnType<typeof startChat>>;

/**
 * Stores, a vectorstore, a model and a chat that asks it, all started together.
 *
 * @param options `model: false` leaves chat with the extractive answerer
 */
export async function openChat({
  model: withModel = true,
  ...options
}: ChatFixtureOptions & { readonly model?: boolean } = {}) {
  const services = await startServices();
  const [search, model] = await Promise.all([startSearch(services), startModelServer()]);
  const replica = () => startChat(services, search, { ...(withModel && { modelUrl: model.url }), ...options });
  const replicas = [await replica()];
  return {
    services,
    search,
    model,
    chat: replicas[0] as TestChat,
    /** One more beside the first. */
    another: async () => {
      const chat = await replica();
      replicas.push(chat);
      return chat;
    },
    /** A brain with these pages, and a member of its tenant. */
    brainOf: async (pages: readonly string[]) => {
      const brain = await search.newBrain();
      const person = await search.newPerson(brain.tenantId);
      await search.addPages(brain, pages);
      return { brain, person };
    },
    close: async () => {
      await Promise.all(replicas.map((chat) => chat.close()));
      await Promise.all([search.close(), model.close()]);
      await services.close();
    },
  };
}
export type ChatUnderTest = Awaited<ReturnType<typeof openChat>>;

export interface StreamedEvent {
  readonly event: string;
  readonly id: number;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows the event it looks at
  readonly data: any;
}

/** Events of a stream as they come, heartbeats left out. */
export async function* events(answer: Response): AsyncGenerator<StreamedEvent> {
  if (!answer.ok || !answer.body) throw new Error(`${answer.status} ${await answer.text()}`);
  const parsed = answer.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { event, id, data } of parsed)
    yield { event: event ?? 'message', id: Number(id), data: data === '[DONE]' ? data : JSON.parse(data) };
}

export async function allEvents(answer: Response): Promise<StreamedEvent[]> {
  const all: StreamedEvent[] = [];
  for await (const event of events(answer)) all.push(event);
  return all;
}

export const answerOf = (all: readonly StreamedEvent[]) =>
  all.flatMap(({ event, data }) => (event === 'token' ? [data.text] : [])).join('');

/** The test's own time limit ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}
