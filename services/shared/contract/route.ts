/** The shape of a route, and the words that the route files share. */
import { z } from 'zod';
import { id } from './common.ts';
import type { Role, Scope } from './people.ts';

/** Who may call: a person of at least this role in the tenant, or a key with this scope; of an owner's routes, one that an owner made. */
export type Access = 'public' | 'operator' | { readonly role: Role; readonly scope: Scope };

export interface Route {
  readonly owner: 'api' | 'chat';
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** OpenAPI form: `/v1/jobs/{job}:cancel`. */
  readonly path: string;
  readonly summary: string;
  readonly access: Access;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** `multipart`: field `file`; `stream`: an SSE answer; `bytes`: a file. Absent: JSON both ways. */
  readonly format?: 'multipart' | 'stream' | 'bytes';
  readonly responses: Readonly<Record<number, z.ZodType>>;
  /** Absent: problem details. */
  readonly errors?: 'openai';
}

/** Who may do what, in words: the rules that most routes use. */
export const may = {
  read: { role: 'viewer', scope: 'documents:read' },
  write: { role: 'member', scope: 'documents:write' },
  look: { role: 'viewer', scope: 'chat' },
  ask: { role: 'member', scope: 'chat' },
  administer: { role: 'admin', scope: 'admin' },
} as const satisfies Record<string, Access>;

/** Path parameters that are ids. */
export const params = <Name extends string>(...names: Name[]) =>
  z.object(Object.fromEntries(names.map((name) => [name, id])) as Record<Name, typeof id>);

/** An answer without a JSON body: a stream or a file. */
export const none = z.undefined();
