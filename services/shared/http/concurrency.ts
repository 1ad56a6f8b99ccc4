/** How much of one kind of transfer or stream goes on at a time: of one caller, of one tenant, of one replica. */
import type { FastifyReply } from 'fastify';
import type { Identity } from '../auth/identity.ts';
import { onClose } from './on-close.ts';
import { ProblemError, yieldError } from './problem.ts';

export interface ConcurrencyLimits {
  /** Of one person or key. */
  readonly callerMax: number;
  /** Of one tenant: the others always find room. */
  readonly tenantMax: number;
  /** Of this replica: each holds sockets and memory. */
  readonly replicaMax: number;
}

export interface Concurrency {
  /** The function that gives the place back; repeating it is harmless. @throws ProblemError `too-many-requests`, `yield` */
  take(identity: Identity): () => void;
  /** The same until the answer has ended or its socket has died. */
  takeFor(identity: Identity, reply: FastifyReply): void;
}

/** A place comes free when a transfer ends: soon, but nobody knows when. */
const retryAfterS = 5;

/** @param what in the plural, for the refusal */
export function createConcurrency(what: string, { callerMax, tenantMax, replicaMax }: ConcurrencyLimits): Concurrency {
  const callers = new Map<string, number>();
  const tenants = new Map<string, number>();
  let total = 0;
  const take = (identity: Identity) => {
    const caller = identity.keyId ?? identity.personId ?? identity.tenantId;
    const { tenantId } = identity;
    refuseFrom(callerMax, callers.get(caller), 'of yours under way at a time', what);
    refuseFrom(tenantMax, tenants.get(tenantId), 'of your tenant under way at a time', what);
    if (total >= replicaMax)
      throw yieldError(`${replicaMax} ${what} are under way here, which is the most. Try again.`, retryAfterS * 1000);
    total += 1;
    add(callers, caller, 1);
    add(tenants, tenantId, 1);
    let taken = true;
    return () => {
      if (!taken) return;
      taken = false;
      total -= 1;
      add(callers, caller, -1);
      add(tenants, tenantId, -1);
    };
  };
  return {
    take,
    takeFor: (identity, reply) => {
      onClose(reply.raw, take(identity));
    },
  };
}

function refuseFrom(max: number, now = 0, words: string, what: string): void {
  if (now < max) return;
  throw new ProblemError(
    'too-many-requests',
    `Allowed are ${max} ${what} ${words}, and ${now} are. Let one end and come back in ${retryAfterS} s.`,
    { retryAfterS },
  );
}

function add(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
