/**
 * The API for programs: calls by the route table itself, so that both agree. It needs `fetch`, of Node 20 or a browser, and zod.
 *
 *     const client = new Client({ url: 'http://localhost:8080', key: process.env.BULKHEAD_KEY });
 *     const brain = await client.call('createBrain', { body: { name: 'Contracts' } });
 */
import type { z } from 'zod';
import { type Job, terminalStatuses } from '../services/shared/contract/job.ts';
import { type Route, routes } from '../services/shared/contract/routes.ts';
import { nextWaitMs, type Schedule, schedules } from './polling.ts';
import { retryAfterMs, toError, unreachable } from './problem.ts';

export { linear, type Schedule, schedules } from './polling.ts';
export { ApiError } from './problem.ts';

type Routes = typeof routes;
/** By its name in OpenAPI, `operationId`. */
export type Operation = keyof Routes;
/** What a call must be given, by the route's own schemas. */
export type Given<R extends Route> = (R extends { params: z.ZodType } ? { params: z.input<R['params']> } : unknown) &
  (R extends { query: z.ZodType } ? { query?: z.input<R['query']> } : unknown) &
  (R extends { body: z.ZodType } ? { body: z.input<R['body']> } : unknown) &
  CallOptions;
/** What the operation answers. */
export type Answer<Name extends Operation> = z.output<
  Routes[Name]['responses'][keyof Routes[Name]['responses']] & z.ZodType
>;

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface ClientOptions {
  /** Without a slash at its end. @default the page's own origin */
  readonly url?: string;
  /** API key. @default none: the session's cookie */
  readonly key?: string;
  /** @default the global one */
  readonly fetch?: typeof fetch;
}

export interface WaitOptions {
  /** @default {@link schedules.watch} */
  readonly schedule?: Schedule;
  readonly signal?: AbortSignal;
  /** Each look that did not find it at its end. */
  readonly onPoll?: (job: Job, waitMs: number) => void;
}

export class Client {
  readonly #url: string;
  readonly #key: string | undefined;
  readonly #fetch: typeof fetch;

  constructor({ url = '', key, fetch: own }: ClientOptions = {}) {
    this.#url = url;
    this.#key = key;
    this.#fetch = own ?? ((...given) => fetch(...given));
  }

  /** The answer's body. @throws ApiError for every answer that is not 2xx, and when there is none */
  async call<Name extends Operation>(name: Name, given: Given<Routes[Name]>): Promise<Answer<Name>> {
    const response = await this.request(name, given);
    return (await jsonOf(response, (given as CallOptions).signal)) as Answer<Name>;
  }

  /** The raw answer, for streams, files and headers. @throws ApiError as {@link Client.call} does */
  async request<Name extends Operation>(name: Name, given: Given<Routes[Name]>): Promise<Response> {
    const {
      params = {},
      query = {},
      body,
      headers,
      signal,
    } = given as CallOptions & {
      params?: Record<string, string | number>;
      query?: Record<string, unknown>;
      body?: unknown;
    };
    const { method, path }: Route = routes[name];
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(String(params[key])));
    const search = new URLSearchParams(
      Object.entries(query).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]])),
    );
    const form = body instanceof FormData;
    let response: Response;
    try {
      response = await this.#fetch(`${this.#url}${filled}${search.size > 0 ? `?${search}` : ''}`, {
        method,
        signal,
        headers: {
          accept: 'application/json',
          ...(this.#key && { authorization: `Bearer ${this.#key}` }),
          ...(body !== undefined && !form && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: form ? body : JSON.stringify(body) }),
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw unreachable();
    }
    if (!response.ok) throw await toError(response);
    return response;
  }

  /** Uploads a file. @returns its job, or the document that holds the same bytes */
  async upload(brain: string, file: Blob, name: string, options: CallOptions = {}): Promise<Answer<'uploadDocument'>> {
    const form = new FormData();
    form.append('file', file, name);
    return this.call('uploadDocument', { params: { brain }, body: form, ...options } as Given<
      Routes['uploadDocument']
    >);
  }

  /** The job at its end. Faults that pass (no answer, a busy service) are waited out as a job that is not at its end. */
  async finished(job: string, { schedule = schedules.watch, signal, onPoll }: WaitOptions = {}): Promise<Job> {
    for (let poll = 1; ; poll += 1) {
      const { body, hintMs } = await this.#look(job, signal);
      if (body && terminalStatuses.has(body.status)) return body;
      const waitMs = nextWaitMs(schedule, poll, hintMs);
      if (body) onPoll?.(body, waitMs);
      await sleep(waitMs, signal);
    }
  }

  async #look(job: string, signal?: AbortSignal): Promise<{ body: Job | null; hintMs: number | null }> {
    try {
      const response = await this.request('getJob', { params: { job }, ...(signal && { signal }) });
      return {
        body: (await jsonOf(response, signal)) as Job,
        hintMs: retryAfterMs((name) => response.headers.get(name)),
      };
    } catch (error) {
      const { status, retryAfterMs: hintMs = null } = error as { status?: number; retryAfterMs?: number | null };
      if (signal?.aborted || status === undefined || !passing(status)) throw error;
      return { body: null, hintMs };
    }
  }
}

/** @throws ApiError of no answer when the connection breaks in the middle of the body */
async function jsonOf(response: Response, signal: AbortSignal | undefined): Promise<unknown> {
  const text = await response.text().catch((error) => {
    if (signal?.aborted) throw error;
    throw unreachable();
  });
  return JSON.parse(text);
}

/** No answer, too many requests, a restart or a full tier. */
const passing = (status: number) => status === 0 || status === 429 || status >= 502;

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const timer = setTimeout(done, ms);
    function done() {
      signal?.removeEventListener('abort', stop);
      resolve();
    }
    function stop() {
      clearTimeout(timer);
      reject(signal?.reason);
    }
    signal?.addEventListener('abort', stop, { once: true });
  });
}
