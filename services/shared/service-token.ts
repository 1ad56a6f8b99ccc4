/**
 * Identity between tiers: every internal call carries a short-lived signed token that names the caller, the callee, the
 * tenant and the brain. The network is no proof.
 */
import { errors, jwtVerify, SignJWT } from 'jose';
import type { ServiceName } from '../manifest.ts';
import { services } from '../manifest.ts';
import { ProblemError } from './problem.ts';

export interface ServiceCall {
  readonly from: ServiceName;
  readonly to: ServiceName;
  readonly tenantId: string;
  readonly brainId: string;
}

/** Longer than any clock skew inside one environment, shorter than it takes to misuse a leaked one. */
const lifetimeS = 60;

/** A bearer token for one call, HS256. */
export async function signServiceCall(secret: string, call: ServiceCall): Promise<string> {
  return new SignJWT({ tenant: call.tenantId, brain: call.brainId })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer(call.from)
    .setAudience(call.to)
    .setIssuedAt()
    .setExpirationTime(`${lifetimeS}s`)
    .sign(key(secret));
}

/**
 * Checks the `Authorization` header of an internal call. Only callers that the manifest declares are let in.
 *
 * @throws ProblemError `unauthorized`
 */
export async function verifyServiceCall(
  secret: string,
  to: ServiceName,
  authorization: string | undefined,
): Promise<ServiceCall> {
  const token = /^Bearer (.+)$/.exec(authorization ?? '')?.[1];
  if (!token) throw new ProblemError('unauthorized', 'An internal call needs a service token.');
  try {
    const { payload } = await jwtVerify(token, key(secret), { audience: to, algorithms: ['HS256'], clockTolerance: 5 });
    const from = payload.iss as ServiceName;
    if (!(services[from]?.calls as readonly ServiceName[] | undefined)?.includes(to))
      throw new ProblemError('unauthorized', `'${from}' is not declared to call '${to}'.`);
    return { from, to, tenantId: String(payload.tenant), brainId: String(payload.brain) };
  } catch (error) {
    if (error instanceof errors.JOSEError)
      throw new ProblemError('unauthorized', `The service token is not valid: ${error.code}.`);
    throw error;
  }
}

const key = (secret: string) => new TextEncoder().encode(secret);
