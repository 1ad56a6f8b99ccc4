/**
 * One request of the API, made of a route's method and path, and the types of what goes in and what comes out. Without the
 * route table itself: a page that calls by it need not load the schemas of all routes.
 */
import type { z } from 'zod';
import type { Route, routes } from '../services/shared/contract/routes.ts';

type Routes = typeof routes;
/** By its name in OpenAPI, `operationId`. */
export type Operation = keyof Routes;
/** By what a request begins with. @example 'GET /v1/jobs/{job}' */
export type Endpoint<Name extends Operation = Operation> = {
  [Each in Name]: `${Routes[Each]['method']} ${Routes[Each]['path']}`;
}[Name];
export type OperationAt<At extends Endpoint> = {
  [Name in Operation]: Endpoint<Name> extends At ? Name : never;
}[Operation];

/** What a call must be given, by the route's own schemas. */
export type Given<R extends Route> = (R extends { params: z.ZodType } ? { params: z.input<R['params']> } : unknown) &
  (R extends { query: z.ZodType } ? { query?: z.input<R['query']> } : unknown) &
  (R extends { body: z.ZodType } ? { body: z.input<R['body']> } : unknown) &
  CallOptions;
export type GivenAt<At extends Endpoint> = Given<Routes[OperationAt<At>]>;

/** What the operation answers. */
export type Answer<Name extends Operation> = z.output<
  Routes[Name]['responses'][keyof Routes[Name]['responses']] & z.ZodType
>;

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** What any route is given. */
export interface Parts extends CallOptions {
  readonly params?: Readonly<Record<string, string | number>>;
  /** What is undefined is left out. */
  readonly query?: Readonly<Record<string, unknown>>;
  /** A form, or what becomes JSON. */
  readonly body?: unknown;
}

/** @returns `path`, with its query, below the API's address; `init`, for `fetch` */
export function toRequest(
  { method, path }: Pick<Route, 'method' | 'path'>,
  { params = {}, query = {}, body, headers, signal }: Parts,
): { readonly path: string; readonly init: RequestInit & { readonly headers: Record<string, string> } } {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(String(params[key])));
  const search = new URLSearchParams(
    Object.entries(query).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]])),
  );
  const form = body instanceof FormData;
  return {
    path: search.size > 0 ? `${filled}?${search}` : filled,
    init: {
      method,
      ...(signal && { signal }),
      headers: { ...(body !== undefined && !form && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: form ? body : JSON.stringify(body) }),
    },
  };
}
