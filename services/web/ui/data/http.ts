/** Calls of the API from the page: same origin, cookie session, problem+json errors. */
import type { Problem } from '../../../shared/contract/common.ts';

/** An answer that is an error. Without a status of its own (`0`): the service could not be reached. */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem;
  /** How long to wait before trying again, as the service said; null: it did not say. */
  readonly retryAfterMs: number | null;

  constructor(problem: Problem, retryAfterMs: number | null = null) {
    super(problem.detail ?? problem.title);
    this.name = 'ApiError';
    this.status = problem.status === 'yield' ? 503 : problem.status;
    this.problem = problem;
    this.retryAfterMs = retryAfterMs;
  }

  get code(): string {
    return this.problem.code;
  }
}

export interface CallOptions {
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  readonly headers?: Record<string, string>;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** @throws ApiError for every answer that is not 2xx, and when there is no answer. */
export async function call<T>(method: Method, path: string, options: CallOptions = {}): Promise<T> {
  const response = await request(method, path, options);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** The raw answer, for streams. @throws ApiError as {@link call} does. */
export async function request(method: Method, path: string, { body, signal, headers }: CallOptions = {}) {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      signal,
      credentials: 'same-origin',
      headers: {
        accept: 'application/json',
        ...(method !== 'GET' && { 'content-type': 'application/json' }),
        ...headers,
      },
      // A body even when empty: the type header above promises JSON.
      ...(method !== 'GET' && { body: JSON.stringify(body ?? {}) }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable();
  }
  if (!response.ok) throw await toError(response);
  return response;
}

export function unreachable(): ApiError {
  return new ApiError({ type: 'about:blank', title: 'The service cannot be reached', status: 0, code: 'unreachable' });
}

/** The error an answer stands for, also when a proxy wrote it and it is not problem+json. */
export async function toError(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => '');
  return errorFrom(response.status, text, (name) => response.headers.get(name));
}

export function errorFrom(status: number, body: string, header: (name: string) => string | null): ApiError {
  const parsed = parseProblem(body, status);
  const problem: Problem = parsed ?? { type: 'about:blank', title: `HTTP ${status}`, status, code: `http-${status}` };
  const seconds = Number(header('retry-after') ?? Number.NaN);
  const waitMs = problem.retry_hint_ms ?? (Number.isFinite(seconds) ? seconds * 1000 : null);
  return new ApiError(problem, waitMs);
}

function parseProblem(body: string, given: number): Problem | null {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null) return null;
    // better-auth answers `{ code, message }`.
    const { title, status, code, message } = value as Partial<Problem> & { message?: string };
    if (typeof code !== 'string') return null;
    if (typeof title === 'string' && (typeof status === 'number' || status === 'yield')) return value as Problem;
    return { type: 'about:blank', title: message ?? code, status: given, code };
  } catch {
    return null;
  }
}
