/** Calls of the API from the page: same origin, cookie session, problem+json errors. */
import { toError, unreachable } from '../../../../client/problem.ts';

export { ApiError, errorFrom, toError, unreachable } from '../../../../client/problem.ts';

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
