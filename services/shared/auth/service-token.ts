/**
 * Identity between tiers: every internal call carries a short-lived token, signed by its caller, that names the caller,
 * the callee, what it may do there, the tenant and the brain. The network is no proof.
 *
 * A caller has a private key of its own (Ed25519), a callee the public keys of its callers: who reads one tier's
 * settings can speak as that tier alone, and a callee can speak as nobody.
 */
import { createHash } from 'node:crypto';
import { type CryptoKey, decodeJwt, errors, importPKCS8, importSPKI, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';
import { type Verb, verbsOf } from '../../call-verbs.ts';
import type { ServiceName } from '../../manifest.ts';
import { ProblemError } from '../http/problem.ts';

export interface ServiceCall {
  readonly from: ServiceName;
  readonly to: ServiceName;
  readonly verb: Verb;
  readonly tenantId: string;
  readonly brainId: string;
}

/** A bearer token for this call. Calls to the same end within half a minute have the same. */
export type SignCall = (call: Omit<ServiceCall, 'from'>) => Promise<string>;

/**
 * Checks the `Authorization` header of an internal call: signed by the caller it names, for this callee, and for
 * something that the manifest lets this caller do.
 *
 * @throws ProblemError `unauthorized` or `forbidden`
 */
export type VerifyCall = (authorization: string | undefined, verb: Verb) => Promise<ServiceCall>;

const algorithm = 'Ed25519';
/** Longer than any clock skew inside one environment, shorter than it takes to misuse a leaked one. */
const lifetimeS = 60;
/** Half its life: what is left is longer than a call takes to be read, at any clock skew that the whole life allows. */
const reusedMs = 30_000;
/** What a verifier allows a clock to be behind. */
const clockToleranceS = 5;
/** Signing takes 2 ms of a quarter of a CPU, checking as long. Each is below 1 KiB: 10 MiB at most. */
const rememberedMax = 10_000;

/** @param key PKCS#8 in PEM, line breaks or not @throws Error naming the setting when it is none */
export async function createSigner(from: ServiceName, key: string): Promise<SignCall> {
  return signWith(from, await read('SERVICE_TOKEN_PRIVATE_KEY', () => importPKCS8(key, algorithm)));
}

export function signWith(from: ServiceName, key: CryptoKey): SignCall {
  const signed = new LRUCache<string, { readonly atMs: number; readonly token: Promise<string> }>({
    max: rememberedMax,
  });
  return ({ to, verb, tenantId, brainId }) => {
    const what = JSON.stringify([to, verb, tenantId, brainId]);
    const known = signed.get(what);
    // Of the clock that is also in the token: when that was set back or forth, it is signed anew.
    const ageMs = Date.now() - (known?.atMs ?? 0);
    if (known && ageMs >= 0 && ageMs < reusedMs) return known.token;
    const token = new SignJWT({ verb, tenant: tenantId, brain: brainId })
      .setProtectedHeader({ alg: algorithm })
      .setIssuer(from)
      .setAudience(to)
      .setIssuedAt()
      .setExpirationTime(`${lifetimeS}s`)
      .sign(key);
    signed.set(what, { atMs: Date.now(), token });
    token.catch(() => signed.delete(what));
    return token;
  };
}

/**
 * @param keys `{ "<caller>": "<SPKI in PEM, line breaks or not>" }`
 * @param own a key that never left this process, for calls to itself
 */
export async function createVerifier(to: ServiceName, keys: string, own?: CryptoKey): Promise<VerifyCall> {
  const known = await read('SERVICE_TOKEN_PUBLIC_KEYS', async () =>
    Promise.all(
      Object.entries(JSON.parse(keys) as Record<string, string>).map(
        async ([from, pem]) => [from, await importSPKI(pem, algorithm)] as const,
      ),
    ),
  );
  const byCaller = new Map<string, CryptoKey>([...known, ...(own ? [[to, own] as const] : [])]);
  // By the token's hash, until it ends: a signature does not become wrong, and keys change with the process alone.
  const proved = new LRUCache<string, JWTPayload>({ max: rememberedMax });
  const payloadOf = async (token: string) => {
    const hash = createHash('sha256').update(token).digest('base64url');
    const known = proved.get(hash);
    if (known && (known.exp ?? 0) + clockToleranceS > Date.now() / 1000) return known;
    const payload = await proven(token, to, byCaller);
    proved.set(hash, payload);
    return payload;
  };
  return async (authorization, verb) => {
    const token = /^Bearer (.+)$/.exec(authorization ?? '')?.[1];
    if (!token) throw new ProblemError('unauthorized', 'An internal call needs a service token.');
    const payload = await payloadOf(token).catch((error) => {
      if (error instanceof errors.JOSEError)
        throw new ProblemError('unauthorized', `The service token is not valid: ${error.code}.`);
      throw error;
    });
    const from = payload.iss as ServiceName;
    if (payload.verb !== verb)
      throw new ProblemError('forbidden', `The service token is to ${String(payload.verb)}, the call is to ${verb}.`);
    if (!verbsOf(from, to).includes(verb))
      throw new ProblemError('forbidden', `'${from}' is not declared to ${verb} in '${to}'.`);
    return { from, to, verb, tenantId: String(payload.tenant), brainId: String(payload.brain) };
  };
}

async function proven(token: string, audience: ServiceName, byCaller: ReadonlyMap<string, CryptoKey>) {
  // Not yet proven: the signature is checked with the key of the caller that the token names.
  const { iss } = decodeJwt(token);
  const key = byCaller.get(String(iss));
  if (!key) throw new ProblemError('unauthorized', `'${String(iss).slice(0, 40)}' is no caller that is known here.`);
  const { payload } = await jwtVerify(token, key, {
    audience,
    algorithms: [algorithm],
    clockTolerance: clockToleranceS,
    requiredClaims: ['exp'],
  });
  return payload;
}

async function read<Value>(setting: string, parse: () => Promise<Value>): Promise<Value> {
  try {
    return await parse();
  } catch (cause) {
    // The value itself is not shown: it may be a private key.
    throw new Error(`${setting} cannot be read; it must hold Ed25519 keys as PEM`, { cause });
  }
}
