/** Every quota, taken by many at once on two replicas: exactly what is allowed is given, and given back it is free again. */
import { expect } from '@jest/globals';
import { type Job, job as jobSchema, terminalStatuses } from '../../../services/shared/contract/job.ts';
import type { Quotas } from '../../../services/shared/contract/people.ts';
import { routes } from '../../../services/shared/contract/routes.ts';
import type { Client } from '../../flows/client.ts';
import { pdfOf } from '../../services/document-worker/documents.ts';
import type { Cluster } from '../cluster.ts';
import { again, newTenant, textUpload } from '../tenants.ts';

/** At once: more than any of the limits here, shared by the router among the replicas. */
const callers = 16;

async function place(cluster: Cluster, quotas: Partial<Quotas>) {
  const { id, owner } = await newTenant(cluster, 'quotas', quotas);
  const brain = (await owner.call(routes.createBrain, { body: { name: 'quotas' } })).id;
  const set = (wanted: Partial<Quotas>) =>
    cluster.owner.call(routes.patchTenant, { params: { tenant: id }, body: { quotas: wanted } });
  return { owner, brain, set };
}

/** Sends them all at once; those that were let in, after making sure that the others were told of the quota. */
async function raced(send: (number: number) => Promise<Response>, allowed: readonly number[] = [200, 202]) {
  const answers = await Promise.all(Array.from({ length: callers }, (_, number) => send(number)));
  const bodies = await Promise.all(
    answers.map(async (answer) => ({ status: answer.status, text: await answer.text() })),
  );
  const refused = bodies.filter(({ status }) => !allowed.includes(status));
  for (const { status, text } of refused) expect([status, JSON.parse(text).code]).toEqual([429, 'quota']);
  return bodies.filter(({ status }) => allowed.includes(status)).map(({ text }) => text);
}

async function raceDocuments(cluster: Cluster): Promise<void> {
  const { owner, brain } = await place(cluster, { documents_max: 5 });
  const upload = (round: string) => raced((number) => textUpload(again(owner), brain, `${round} ${number}`));
  const taken = (await upload('first')).map((text) => jobSchema.parse(JSON.parse(text)));
  expect(taken.length).toBe(5);
  await Promise.all(taken.slice(0, 2).map((job) => deleted(owner, job)));
  expect((await upload('second')).length).toBe(2);
  expect((await owner.call(routes.getTenant)).usage.documents).toBe(5);
}

async function raceBytes(cluster: Cluster): Promise<void> {
  const { owner, brain } = await place(cluster, { bytes_max: 3500 });
  const upload = (round: string) => raced((n) => textUpload(again(owner), brain, `${round} ${n}`.padEnd(1000, '.')));
  const taken = (await upload('first')).map((text) => jobSchema.parse(JSON.parse(text)));
  expect(taken.length).toBe(3);
  await deleted(owner, taken[0] as Job);
  expect((await upload('second')).length).toBe(1);
  expect((await owner.call(routes.getTenant)).usage.bytes).toBe(3000);
}

async function raceQuestions(cluster: Cluster): Promise<void> {
  const { owner, brain, set } = await place(cluster, { questions_per_day_max: 4 });
  const ask = async () => {
    const { id } = await again(owner).call(routes.createConversation, { body: { brain_id: brain } });
    return again(owner).send(routes.createTurn, { params: { conversation: id }, body: { question: 'what is there?' } });
  };
  expect((await raced(ask)).length).toBe(4);
  await set({ questions_per_day_max: 6 });
  expect((await raced(ask)).length).toBe(2);
  expect((await owner.call(routes.getTenant)).usage.questions_today).toBe(6);
}

async function pdfUpload(owner: Client, brain: string, pages: number, name: string): Promise<Response> {
  const form = new FormData();
  const bytes = await pdfOf(Array.from({ length: pages }, (_, page) => `page ${page} of ${name}`));
  form.append('file', new Blob([new Uint8Array(bytes)]), 'pages.pdf');
  return again(owner).send(routes.uploadDocument, { params: { brain }, body: form });
}

/** Pages are known when a worker has looked: who does not fit then waits for the next day, and may be canceled before. */
async function racePages(cluster: Cluster): Promise<void> {
  const { owner, brain } = await place(cluster, { pages_per_day_max: 7 });
  // Some may already be refused on arrival, when others have used the quota up.
  const answers = await raced((number) => pdfUpload(owner, brain, 3, String(number)));
  const jobs = answers.map((text) => jobSchema.parse(JSON.parse(text)));
  const settled = ({ status }: Job) => status === 'paused' || terminalStatuses.has(status);
  const ends = await Promise.all(jobs.map((job) => again(owner).until(job.id, settled, 240_000)));
  expect(ends.map(({ status }) => status).toSorted()).toEqual([
    ...Array(jobs.length - 2).fill('paused'),
    'succeeded',
    'succeeded',
  ]);
  for (const { id, status } of ends)
    if (status === 'paused') await again(owner).call(routes.cancelJob, { params: { job: id } });
  expect((await owner.call(routes.getTenant)).usage.pages_today).toBe(6);
}

/** Canceled whatever they are at, all at once: what was not read is free again, to the page. */
async function raceCancels(cluster: Cluster): Promise<void> {
  const [each, max] = [10, 10 * callers];
  const { owner, brain } = await place(cluster, { pages_per_day_max: max });
  const jobs = (await raced((number) => pdfUpload(owner, brain, each, String(number)))).map((text) =>
    jobSchema.parse(JSON.parse(text)),
  );
  await Promise.all(jobs.map(({ id }) => again(owner).send(routes.cancelJob, { params: { job: id } })));
  const ends = await Promise.all(jobs.map(({ id }) => again(owner).finished(id, 240_000)));
  expect(ends.filter(({ status }) => status !== 'canceled' && status !== 'succeeded')).toEqual([]);
  const read = ends.reduce((sum, { progress }) => sum + progress.pages_done, 0);
  expect([jobs.length, read < max]).toEqual([callers, true]);
  const used = async () => (await owner.call(routes.getTenant)).usage.pages_today;
  expect(await used()).toBe(read);
  const rest = jobSchema.parse(await (await pdfUpload(owner, brain, max - read, 'the rest')).json());
  expect(await again(owner).finished(rest.id, 240_000)).toMatchObject({ status: 'succeeded' });
  expect(await used()).toBe(max);
  expect((await pdfUpload(owner, brain, 1, 'one too many')).status).toBe(429);
}

async function deleted(client: Client, { document_id }: Job): Promise<void> {
  await again(client).call(routes.deleteDocument, { params: { document: document_id as string } });
}

export const races: Readonly<Record<string, (cluster: Cluster) => Promise<void>>> = {
  documents: raceDocuments,
  bytes: raceBytes,
  'questions a day': raceQuestions,
  'pages a day': racePages,
  'pages of canceled jobs': raceCancels,
};
