/** The calls that benches of the whole deployment make. */
import { readFile } from 'node:fs/promises';
import { createSigner, type SignCall } from '../../../services/shared/auth/service-token.ts';
import { problem } from '../../../services/shared/contract/common.ts';
import { job as jobSchema, terminalStatuses } from '../../../services/shared/contract/job.ts';
import type { Scope } from '../../../services/shared/contract/people.ts';
import { routes } from '../../../services/shared/contract/routes.ts';
import { vectorstorePaths } from '../../../services/shared/contract/vectorstore.ts';
import { builtInEmbedding } from '../../../services/shared/models/embedding.ts';
import type { ContainerDeployment } from '../../containers/deployment.ts';
import { Client } from '../../flows/client.ts';
import { hugePdf, manualPdf } from '../../flows/documents.ts';
import { stubVector } from '../../support/embedding/stub-vectors.ts';
import { YieldError } from './probe.ts';

/** A brain with a manual in it, a conversation about it, and how to reach both. Plain data: a load is another process. */
export interface Subject {
  /** The gateway, or a tier itself. */
  readonly url: string;
  /** Where people reach the service. */
  readonly publicUrl: string;
  readonly cookie: string;
  /** An API key instead of the session. */
  readonly key?: string;
  readonly tenant: string;
  readonly brain: string;
  readonly conversation: string;
  readonly vectorstoreUrl: string;
  readonly chatKey: string;
}

/** @param model of the brain; null: the environment's own */
export async function prepare(deployment: ContainerDeployment, model: string | null = null): Promise<Subject> {
  const { owner, url, chatKey } = deployment;
  const brain = (await owner.call(routes.createBrain, { body: { name: 'bench', model } })).id;
  await owner.finished((await owner.ingest(brain, manualPdf)).id, 120_000);
  const conversation = (await owner.call(routes.createConversation, { body: { brain_id: brain } })).id;
  const tenant = (await owner.call(routes.me)).tenant.id;
  const vectorstoreUrl = await deployment.address('vectorstore');
  return { url, publicUrl: url, cookie: owner.cookie, tenant, brain, conversation, vectorstoreUrl, chatKey };
}

const person = ({ url, cookie, key }: Subject) => (key ? new Client(url, key) : Client.ofSession(url, cookie));

/** A simple call to the api: one session, one query. */
export async function listBrains(subject: Subject): Promise<undefined> {
  await person(subject).call(routes.listBrains);
}

/** A question to chat; resolves at the first token, the rest of the answer is left to read. */
export async function firstToken(subject: Subject, inAWord = ''): Promise<() => Promise<unknown>> {
  const body = { question: `How are vectors and factors used${inAWord}, ${Math.random()}?` };
  const { conversation, publicUrl } = subject;
  const headers = { origin: publicUrl };
  const response = await person(subject).send(routes.createTurn, { params: { conversation }, body, headers });
  if (response.status === 503) throw new YieldError(problem.parse(await response.json()).retry_hint_ms ?? 1000);
  if (response.status !== 200 || !response.body) throw new Error(`${response.status} ${await response.text()}`);
  const reader = response.body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .getReader();
  let text = '';
  while (!text.includes('event: token')) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`no token in the answer: ${text.slice(0, 300)}`);
    text += value;
  }
  return async () => {
    while (!(await reader.read()).done);
  };
}

/** A whole answer. */
export async function ask(subject: Subject): Promise<void> {
  await (await firstToken(subject))();
}

/** Everybody asks with a key and in a conversation of their own: what is measured is chat, not one caller's rate limit. */
export async function chatUsers(subject: Subject, count: number): Promise<Subject[]> {
  return withKeys(subject, count, 'chat', async (own) => {
    const { id } = await person(own).call(routes.createConversation, { body: { brain_id: subject.brain } });
    return { ...own, conversation: id };
  });
}

/** Everybody calls with a key of their own: what is measured is the api, not the rate limit of one caller. */
export async function callers(subject: Subject, count: number): Promise<Subject[]> {
  return withKeys(subject, count, 'documents:read', async (own) => own);
}

async function withKeys(
  subject: Subject,
  count: number,
  scope: Scope,
  prepared: (own: Subject) => Promise<Subject>,
): Promise<Subject[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const { secret } = await person(subject).call(routes.createKey, {
        body: { name: `caller ${at}`, scopes: [scope] },
      });
      return prepared({ ...subject, key: secret });
    }),
  );
}

let signs: Promise<SignCall> | undefined;

/** Searches the vectorstore itself, past chat. */
export async function search({ tenant, brain, vectorstoreUrl, chatKey }: Subject): Promise<undefined> {
  signs ??= createSigner('chat', chatKey);
  const token = await (await signs)({ to: 'vectorstore', verb: 'search', tenantId: tenant, brainId: brain });
  const response = await fetch(vectorstoreUrl + vectorstorePaths.search(brain), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      query: 'vectors and factors',
      vector: vectors[searches++ % vectors.length],
      model: builtInEmbedding.model,
      limit: 8,
    }),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  await response.arrayBuffer();
}

let searches = 0;
const vectors = Array.from({ length: 16 }, (_, index) =>
  stubVector(`vectors and factors ${index}`, builtInEmbedding.dimensions),
);

/** A manual of about 110 pages, read to the end. */
export async function readManual({ owner }: ContainerDeployment, brain: string): Promise<void> {
  const job = await uploadCopy(owner, brain, manualPdf);
  // The contract's long poll: who waits for a document must not be a load on the api.
  while (!terminalStatuses.has((await owner.call(routes.getJob, { params: { job }, query: { wait: 30 } })).status));
}

/**
 * Uploads the manual of over 2,000 pages into a brain of its own: who asks elsewhere must not notice. Each copy differs
 * by a comment, so none is known already.
 *
 * @returns job ids
 */
export async function uploadHuge({ owner }: ContainerDeployment, copies: number): Promise<string[]> {
  const brain = (await owner.call(routes.createBrain, { body: { name: 'manuals' } })).id;
  const ids: string[] = [];
  for (let copy = 0; copy < copies; copy++) ids.push(await uploadCopy(owner, brain, hugePdf));
  return ids;
}

export async function uploadCopy(owner: Client, brain: string, path: string): Promise<string> {
  const form = new FormData();
  form.append('file', new Blob([await readFile(path), `\n% ${Math.random()}\n`]), 'manual.pdf');
  const response = await owner.send(routes.uploadDocument, { params: { brain }, body: form });
  return jobSchema.parse(await response.json()).id;
}
