/** People who use the service while things break: they upload, ask and delete, try again as clients do, and remember. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Parts } from '../../client/request.ts';
import { job as jobSchema } from '../../services/shared/contract/job.ts';
import { type Route, routes } from '../../services/shared/contract/routes.ts';
import { Client, collect } from '../flows/client.ts';
import { pdfOf } from '../services/document-worker/documents.ts';
import type { Cluster } from './cluster.ts';

export interface Accepted {
  readonly jobId: string;
  readonly documentId: string;
  /** A word that people ask for; empty: it has none. */
  readonly marker: string;
  /** A word that stands in this document's text and that nobody else writes anywhere; empty: it has none. */
  readonly secret: string;
}

export type Words = Pick<Accepted, 'marker' | 'secret'>;

/** Of {@link Accepted.secret}; the group is the word. */
export const secretPattern = '(secret[0-9]+x[0-9a-f-]{36})';

export interface Workload {
  /** In whole seconds, as object stores count. */
  readonly startedAt: Date;
  /** Where they work. */
  readonly brain: string;
  /** Uploads that were answered 202, by job. */
  readonly accepted: ReadonlyMap<string, Accepted>;
  /** Documents whose deletion was answered 202, with the deletion's job; '' if that answer was lost. */
  readonly deleted: ReadonlyMap<string, string>;
  /** Answers that a client who does everything right should never get: all but success, 503, and those of a repetition. */
  readonly faults: readonly string[];
  /** Answers by status; 0: no answer. */
  readonly statuses: Readonly<Record<number, number>>;
  /** Uploads until it is accepted. @returns null: the workload was stopped before */
  submit(bytes: Uint8Array, name: string, words?: Words): Promise<Accepted | null>;
  /** Deletes one of the documents that are left, once everything is healed: with it goes what the faults left behind. */
  removeOne(): Promise<void>;
  /** Nobody begins anything new; what is under way ends. */
  stop(): Promise<void>;
}

export interface WorkloadOptions {
  readonly cluster: Cluster;
  /** 0 to 1. */
  readonly random: () => number;
  readonly uploaders?: number;
  readonly chatUsers?: number;
  /** Replicas die under their requests: the balancer itself says 502 until it has noticed. */
  readonly unreachable?: boolean;
  /** Share of the accepted documents that are deleted again. @default 0.2 */
  readonly deletedShare?: number;
}

const noWords: Words = { marker: '', secret: '' };
/** A person's pause between two steps: bounds the load at some ten calls a second in all. */
const pauseMs = 300;
/** A call that takes longer has met a black hole: the client gives up and tries again. */
const callTimeoutMs = 60_000;
/** 404: deleted already. 409: the first try is still under way. 429: too fast. 503: away. */
const expected = new Set([404, 409, 429, 503]);
/**
 * Jobs under way at once: people come back to look. Without it a busy machine falls ever further behind, and what a
 * run then shows is its own backlog.
 */
const backlogMax = 12;
/** Tries of one upload with one key: more than the longest fault lasts. */
const triesMax = 200;

export async function startWorkload({
  cluster,
  random,
  uploaders = 2,
  chatUsers = 2,
  unreachable = false,
  deletedShare = 0.2,
}: WorkloadOptions): Promise<Workload> {
  const { owner } = cluster;
  const startedAt = new Date(Math.floor(Date.now() / 1000) * 1000);
  const brain = (await owner.call(routes.createBrain, { body: { name: 'chaos' } })).id;
  const accepted = new Map<string, Accepted>();
  const deleted = new Map<string, string>();
  const faults: string[] = [];
  const statuses: Record<number, number> = {};
  let stopped = false;
  let count = 0;

  /** Undefined when nobody answered. */
  const send = async (what: string, route: Route, options: Parts) => {
    const signal = AbortSignal.timeout(callTimeoutMs);
    const call = Client.ofSession(cluster.url, owner.cookie).send(route, { ...options, signal });
    const answer = await call.catch(() => undefined);
    const status = answer?.status ?? 0;
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (answer && !answer.ok && !expected.has(status) && !(unreachable && status === 502))
      faults.push(`${what}: ${status} ${await answer.clone().text()}`);
    return answer;
  };
  /** The answer's body, or undefined when it broke off. */
  const bodyOf = (answer: Response): Promise<unknown> => answer.json().catch(() => undefined);

  const submit = async (bytes: Uint8Array, name: string, words: Words = noWords): Promise<Accepted | null> => {
    count += 1;
    const key = `${brain}-${count}`;
    for (let tries = 0; tries < triesMax && !stopped; tries += 1, await sleep(pauseMs)) {
      const form = new FormData();
      form.append('file', new Blob([new Uint8Array(bytes)]), name);
      const options = { params: { brain }, body: form, headers: { 'idempotency-key': key } };
      const answer = await send('upload', routes.uploadDocument, options);
      const body = answer?.status === 202 && (await bodyOf(answer));
      if (!body) continue;
      const job = jobSchema.parse(body);
      const one = { jobId: job.id, documentId: job.document_id as string, ...words };
      accepted.set(job.id, one);
      return one;
    }
    return null;
  };
  const backlog = async () => {
    const [row] = await cluster.services.query('select count(*)::int as open from jobs where finished_at is null');
    return (row as { open: number }).open;
  };
  const upload = async () => {
    if ((await backlog()) >= backlogMax) return;
    const marker = `marker${count}x${Math.floor(random() * 1e9)}`;
    const secret = `secret${count}x${brain}`;
    const pages = Array.from(
      { length: 1 + Math.floor(random() * 4) },
      (_, page) => `Page ${page} says ${marker} and ${secret}.`,
    );
    const isPdf = random() < 0.5;
    const bytes = isPdf
      ? await pdfOf(pages)
      : Buffer.from(pages.map((page) => page.padEnd(3000, ' lorem')).join('\n\n'));
    const one = await submit(bytes, `${marker}.${isPdf ? 'pdf' : 'txt'}`, { marker, secret });
    if (!one || random() >= deletedShare) return;
    await sleep(random() * 2000);
    await remove(one.documentId);
  };
  const remove = async (document: string, goesOn = () => !stopped) => {
    for (let tries = 0; tries < triesMax && goesOn(); tries += 1, await sleep(pauseMs)) {
      const answer = await send('deletion', routes.deleteDocument, { params: { document } });
      const body = answer?.status === 202 && (await bodyOf(answer));
      if (body) return void deleted.set(document, jobSchema.parse(body).id);
      // Said before, and its answer was lost.
      if (answer?.status === 404) return void deleted.set(document, '');
    }
    // Whether it was deleted, nobody knows: neither state is a fault.
    for (const [job, one] of accepted) if (one.documentId === document) accepted.delete(job);
  };
  const ask = async () => {
    const made = await send('conversation', routes.createConversation, { body: { brain_id: brain } });
    const conversation = made?.ok && ((await bodyOf(made)) as { id: string } | undefined);
    if (!conversation) return;
    const question = [...accepted.values()].at(-1)?.marker || 'nothing';
    const turn = await send('turn', routes.createTurn, {
      params: { conversation: conversation.id },
      body: { question },
    });
    // A stream that breaks is read no further, as by a person who closes the page.
    if (turn?.status === 200) await collect(turn).catch(() => []);
  };
  const repeat = async (act: () => Promise<void>) => {
    while (!stopped) {
      await act().catch((error: Error) => faults.push(`client: ${error.stack}`));
      await sleep(pauseMs * (0.5 + random()));
    }
  };
  const people = [
    ...Array.from({ length: uploaders }, () => repeat(upload)),
    ...Array.from({ length: chatUsers }, () => repeat(ask)),
  ];
  return {
    startedAt,
    brain,
    accepted,
    deleted,
    faults,
    statuses,
    submit,
    removeOne: async () => {
      const left = [...accepted.values()].find(({ documentId, secret }) => secret && !deleted.has(documentId));
      if (left) await remove(left.documentId, () => true);
    },
    stop: async () => {
      stopped = true;
      await Promise.all(people);
    },
  };
}
