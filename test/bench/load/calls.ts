/** The calls that benches of the whole house make. */
import { readFile } from 'node:fs/promises';
import { job as jobSchema } from '../../../services/shared/contract/job.ts';
import { routes } from '../../../services/shared/contract/routes.ts';
import { vectorstorePaths } from '../../../services/shared/contract/vectorstore.ts';
import { lexicalHashing } from '../../../services/shared/lexical-hashing.ts';
import { signServiceCall } from '../../../services/shared/service-token.ts';
import type { ContainerHouse } from '../../containers/house.ts';
import { hugePdf, manualPdf } from '../../flows/documents.ts';

/** A brain with a manual in it, and a conversation about it. */
export interface Subject {
  readonly house: ContainerHouse;
  readonly brain: string;
  readonly tenant: string;
  readonly conversation: string;
}

export async function prepare(house: ContainerHouse): Promise<Subject> {
  const { owner } = house;
  const brain = (await owner.call(routes.createBrain, { body: { name: 'bench' } })).id;
  await owner.finished((await owner.ingest(brain, manualPdf)).id, 120_000);
  const conversation = (await owner.call(routes.createConversation, { body: { brain_id: brain } })).id;
  const tenant = (await owner.call(routes.me)).tenant.id;
  return { house, brain, tenant, conversation };
}

/** A simple call to the api: one session, one query. */
export async function listBrains({ house }: Subject): Promise<undefined> {
  await house.owner.call(routes.listBrains);
}

/** A question to chat; resolves at the first token, the rest of the answer is left to read. */
export async function firstToken({ house, conversation }: Subject): Promise<() => Promise<unknown>> {
  const body = { question: `How are vectors and factors used, ${Math.random()}?` };
  const response = await house.owner.send(routes.createTurn, { params: { conversation }, body });
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

/** Searches the vectorstore itself, past chat. */
export async function searcher({ house, tenant, brain }: Subject): Promise<() => Promise<undefined>> {
  const address = await house.address('vectorstore');
  const vectors = Array.from({ length: 16 }, (_, index) => lexicalHashing(`vectors and factors ${index}`, 384));
  return async () => {
    const token = await signServiceCall(house.serviceTokenSecret, {
      from: 'chat',
      to: 'vectorstore',
      tenantId: tenant,
      brainId: brain,
    });
    const vector = vectors[Math.floor(Math.random() * vectors.length)];
    const response = await fetch(address + vectorstorePaths.search(brain), {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query: 'vectors and factors', vector, limit: 8 }),
    });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    await response.arrayBuffer();
    return undefined;
  };
}

/**
 * Uploads the manual of over 2,000 pages into a brain of its own: who asks elsewhere must not notice. Each copy differs
 * by a comment, so none is known already.
 *
 * @returns job ids
 */
export async function uploadHuge({ house }: Subject, copies: number): Promise<string[]> {
  const bytes = await readFile(hugePdf);
  const brain = (await house.owner.call(routes.createBrain, { body: { name: 'manuals' } })).id;
  const ids: string[] = [];
  for (let copy = 0; copy < copies; copy++) {
    const form = new FormData();
    form.append('file', new Blob([bytes, `\n% ${Math.random()}\n`]), `manual ${copy}.pdf`);
    const response = await house.owner.send(routes.uploadDocument, { params: { brain }, body: form });
    ids.push(jobSchema.parse(await response.json()).id);
  }
  return ids;
}
