/**
 * The API for programs: calls by the route table itself, so that both agree. It needs `fetch`, of Node 20 or a browser, and zod.
 *
 *     const client = new Client({ url: 'http://localhost:8080', key: process.env.BULKHEAD_KEY });
 *     const brain = await client.call('createBrain', { body: { name: 'Contracts' } });
 */
import { type Job, terminalStatuses } from '../services/shared/contract/job.ts';
import { routes } from '../services/shared/contract/routes.ts';
import { nextWaitMs, type Schedule, schedules } from './polling.ts';
import { retryAfterMs, toError, unreachable } from './problem.ts';
import { type Answer, type CallOptions, type Given, type Operation, type Parts, toRequest } from './request.ts';

export { linear, type Schedule, schedules } from './polling.ts';
export { ApiError } from './problem.ts';
export type { Answer, CallOptions, Given, Operation } from './request.ts';

type Routes = typeof routes;

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
    const { path, init } = toRequest(routes[name], given as Parts);
    const { signal } = given as CallOptions;
    let response: Response;
    try {
      response = await this.#fetch(`${this.#url}${path}`, {
        ...init,
        headers: {
          accept: 'application/json',
          ...(this.#key && { authorization: `Bearer ${this.#key}` }),
          ...init.headers,
        },
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
