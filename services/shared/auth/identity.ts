/** Who is asking, as far as every tier needs to know. */
import type { FastifyRequest } from 'fastify';
import { type Role, roles, type Scope } from '../contract/people.ts';
import type { Access } from '../contract/routes.ts';
import { ProblemError } from '../http/problem.ts';

export interface Identity {
  readonly tenantId: string;
  /** Null when an API key asks. */
  readonly personId: string | null;
  readonly keyId: string | null;
  /** Of a key: what its scopes come to; with `admin`, its maker's. */
  readonly role: Role;
  /** Null for people: their role decides. */
  readonly scopes: readonly Scope[] | null;
  /** Owner of this installation. */
  readonly operator: boolean;
}

/** Checks the credentials of a request; null when it has none or they are not valid. */
export type Authenticate = (request: FastifyRequest) => Promise<Identity | null>;

/** @throws ProblemError `unauthorized` or `forbidden`, saying which role or scope is needed. */
export function authorize(identity: Identity | null, access: Exclude<Access, 'public'>): Identity {
  if (!identity) throw new ProblemError('unauthorized', 'Send a session cookie or `Authorization: Bearer <API key>`.');
  if (access === 'operator') {
    if (!identity.operator) throw new ProblemError('forbidden', 'Only the owner of this installation may do this.');
    return identity;
  }
  if (identity.scopes) {
    if (!identity.scopes.includes(access.scope))
      throw new ProblemError(
        'forbidden',
        `The key has the scopes ${identity.scopes.join(', ')}; this needs ${access.scope}.`,
      );
    // No scope tells an owner from an admin.
    if (access.role === 'owner' && identity.role !== 'owner')
      throw new ProblemError('forbidden', 'Whoever made the key is no owner here; this needs the key of one.');
  } else if (roles.indexOf(identity.role) > roles.indexOf(access.role)) {
    throw new ProblemError('forbidden', `You are ${identity.role} here; this needs ${access.role}.`);
  }
  return identity;
}
