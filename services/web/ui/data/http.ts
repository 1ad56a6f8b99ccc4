/** Calls of the API from the page: same origin, cookie session, problem+json errors; typed by the route table, which is not loaded. */
import { toError, unreachable } from '../../../../client/problem.ts';
import {
  type Answer,
  type Endpoint,
  type GivenAt,
  type OperationAt,
  type Parts,
  toRequest,
} from '../../../../client/request.ts';
import type { Route } from '../../../shared/contract/routes.ts';

export { ApiError, errorFrom, toError, unreachable } from '../../../../client/problem.ts';

/** Nothing, where the route needs nothing. */
type Arguments<At extends Endpoint> = object extends GivenAt<At> ? [given?: GivenAt<At>] : [given: GivenAt<At>];

export type BodyAt<At extends Endpoint> = GivenAt<At> extends { body: infer Body } ? Body : never;

/** @throws ApiError for every answer that is not 2xx, and when there is no answer. */
export async function call<At extends Endpoint>(at: At, ...given: Arguments<At>): Promise<Answer<OperationAt<At>>> {
  return (await bodyOf(await request(at, ...given))) as Answer<OperationAt<At>>;
}

/** The raw answer, for streams. @throws ApiError as {@link call} does. */
export const request = <At extends Endpoint>(at: At, ...[given]: Arguments<At>): Promise<Response> =>
  send(at, { ...(given as Parts | undefined) });

/** What better-auth answers itself. @throws ApiError as {@link call} does. */
export const callAuth = async (path: `/v1/auth/${string}`, body: object = {}): Promise<unknown> =>
  bodyOf(await send(`POST ${path}`, { body }));

const bodyOf = (response: Response) => (response.status === 204 ? undefined : response.json());

async function send(at: string, { body, ...given }: Parts): Promise<Response> {
  const [method, template] = at.split(' ') as [Route['method'], string];
  // A body even when empty: only JSON, which no form of another site can send, changes anything.
  const { path, init } = toRequest(
    { method, path: template },
    { ...given, body: method === 'GET' ? undefined : (body ?? {}) },
  );
  let response: Response;
  try {
    response = await fetch(path, {
      ...init,
      credentials: 'same-origin',
      headers: { accept: 'application/json', ...init.headers },
    });
  } catch (error) {
    if (given.signal?.aborted) throw error;
    throw unreachable();
  }
  if (!response.ok) throw await toError(response);
  return response;
}
