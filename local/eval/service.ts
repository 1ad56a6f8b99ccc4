/** A running service as its users see it: the public HTTP API with an API key. */
import { openAsBlob } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Found } from './matching.ts';
import type { SourceLocation } from './questions.ts';

export interface EvalService {
  /** Best first. */
  search(brain: string, query: string, limit: number): Promise<Timed<Found[]>>;
  ask(brain: string, question: string): Promise<Timed<{ readonly answered: boolean; readonly citations: Found[] }>>;
  /** Questions with thumbs up or down, newest first. */
  feedback(brain: string): Promise<Feedback[]>;
  makeBrain(name: string): Promise<string>;
  /** @returns the id of the job that reads it */
  upload(brain: string, name: string, content: Blob | string): Promise<string>;
  /** Waits until the document is searched as well as it will be. @throws Error when it cannot be read */
  ready(job: string): Promise<void>;
  /** Also waits until it is gone. */
  removeBrain(brain: string): Promise<void>;
}

export interface Feedback {
  readonly id: string;
  readonly question: string;
  readonly verdict: 'up' | 'down';
  readonly answered: boolean | null;
  readonly citations: readonly (SourceLocation & { readonly deleted?: true })[];
}

export interface Timed<Value> {
  readonly value: Value;
  /** Of the request that was answered, without refused ones and the wait after them. */
  readonly ms: number;
}

/** Kept open by `npm start` and by every balancer; a job that takes longer is asked for again. */
const jobWaitS = 20;
/** Vectors come after the job; nothing waits for them on the other side. */
const searchPauseMs = 500;
/** A full service says when to come back; a quota for the day does not end while one waits. */
const retriesMax = 10;
const retryAfterSMax = 60;

interface Job {
  readonly id: string;
  readonly status: string;
  readonly error: { readonly detail?: string } | null;
  readonly document_id?: string | null;
}

export const fileBlob = (path: string): Promise<Blob> => openAsBlob(path);

export function openService(url: string, key: string): EvalService {
  const send = async <Body>(method: string, path: string, body?: object): Promise<Timed<Body>> => {
    const form = body instanceof FormData;
    for (let tries = 1; ; tries += 1) {
      const start = performance.now();
      const answer = await fetch(new URL(path, url), {
        method,
        headers: { authorization: `Bearer ${key}`, ...(body && !form && { 'content-type': 'application/json' }) },
        ...(body && { body: form ? body : JSON.stringify(body) }),
      });
      const text = await answer.text();
      const ms = performance.now() - start;
      if (answer.ok) return { value: JSON.parse(text) as Body, ms };
      const retryAfterS = Number(answer.headers.get('retry-after') ?? Number.NaN);
      const later = answer.status === 429 || answer.status === 503;
      if (!later || tries > retriesMax || !(retryAfterS <= retryAfterSMax))
        throw new Error(`${method} ${path}: ${answer.status} ${reasonOf(text)}`);
      await sleep(retryAfterS * 1000);
    }
  };

  const finished = async (id: string): Promise<Job> => {
    for (;;) {
      const { value: job } = await send<Job>('GET', `/v1/jobs/${id}?wait=${jobWaitS}`);
      if (job.status === 'awaiting_confirmation') await send('POST', `/v1/jobs/${id}:confirm`);
      else if (!['queued', 'running', 'canceling'].includes(job.status)) return job;
    }
  };

  return {
    search: async (brain, query, limit) => {
      const { value, ms } = await send<{ data: Found[] }>('POST', `/v1/brains/${brain}/search`, { query, limit });
      return { value: value.data, ms };
    },
    ask: async (brain, question) => {
      const { value, ms } = await send<Completion>('POST', '/v1/chat/completions', {
        model: `brain:${brain}`,
        messages: [{ role: 'user', content: question }],
      });
      const { answered = true, citations = [] } = value.choices[0]?.message ?? {};
      return { value: { answered, citations: citations.map((each) => ({ ...each, text: each.quote })) }, ms };
    },
    feedback: async (brain) => {
      const all: Feedback[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const path: string = `/v1/chat/feedback?brain_id=${brain}&limit=200${cursor && `&cursor=${cursor}`}`;
        const { value } = await send<{ data: Feedback[]; next_cursor: string | null }>('GET', path);
        all.push(...value.data);
        cursor = value.next_cursor;
      }
      return all;
    },
    makeBrain: async (name) => (await send<{ id: string }>('POST', '/v1/brains', { name })).value.id,
    upload: async (brain, name, content) => {
      const form = new FormData();
      form.append('file', typeof content === 'string' ? new Blob([content]) : content, name);
      const { value } = await send<Job | { document: { job: Job } }>('POST', `/v1/brains/${brain}/documents`, form);
      return 'document' in value ? value.document.job.id : value.id;
    },
    ready: async (id) => {
      const { status, error, document_id } = await finished(id);
      if (status !== 'succeeded' && status !== 'partial')
        throw new Error(`A document is ${status}: ${error?.detail ?? 'no reason is given'}`);
      for (;;) {
        const { value } = await send<{ search?: string }>('GET', `/v1/documents/${document_id}`);
        if (value.search !== 'improving') return;
        await sleep(searchPauseMs);
      }
    },
    removeBrain: async (brain) => {
      const { value } = await send<Job>('DELETE', `/v1/brains/${brain}`);
      await finished(value.id);
    },
  };
}

interface Completion {
  readonly choices: readonly {
    readonly message?: {
      readonly answered?: boolean;
      readonly citations?: readonly (Found & { readonly quote: string })[];
    };
  }[];
}

function reasonOf(text: string): string {
  try {
    const { detail, error } = JSON.parse(text) as { detail?: string; error?: { message?: string } };
    return detail ?? error?.message ?? text;
  } catch {
    return text.slice(0, 300);
  }
}
