/** One attempt of one delivery: a signed POST to a checked address, bounded in time and in bytes. */
import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { Webhook } from 'standardwebhooks';
import {
  type Address,
  allowedAddresses,
  parseReceiver,
  RefusedAddressError,
  type Resolve,
  type WebhookRules,
} from '../../shared/webhooks/addresses.ts';

/** From DNS to the last byte of the answer; receivers are told to answer first and work afterwards (docs/webhooks.md). */
export const attemptTimeoutMs = 10_000;
/** Of an answer, which is not kept: enough that a usual one ends by itself. */
const answerBytesMax = 64 * 1024;

export interface Attempt {
  readonly id: string;
  readonly url: string;
  readonly body: string;
  /** Each signs. */
  readonly secrets: readonly string[];
}

/** `status`: of the answer, when there was one. `error`: why it does not count as taken. */
export interface AttemptResult {
  readonly status: number | null;
  readonly error: string | null;
}

export interface SendOptions {
  readonly rules: WebhookRules;
  /** @default {@link attemptTimeoutMs} */
  readonly timeoutMs?: number;
  /** @default DNS */
  readonly resolve?: Resolve;
  /** The process ends: the attempt is broken off. */
  readonly closing?: AbortSignal;
}

/** Never throws: what went wrong is its result. */
export async function send(attempt: Attempt, options: SendOptions): Promise<AttemptResult> {
  const { rules, timeoutMs, resolve, closing } = options;
  const timeout = AbortSignal.timeout(timeoutMs ?? attemptTimeoutMs);
  const signal = closing ? AbortSignal.any([timeout, closing]) : timeout;
  try {
    const url = parseReceiver(attempt.url, rules);
    const addresses = await abortable(allowedAddresses(url, rules, resolve), signal);
    const status = await post(url, addresses, attempt, signal);
    if (status >= 200 && status < 300) return { status, error: null };
    const redirect = status >= 300 && status < 400;
    return { status, error: `The receiver answered ${status}${redirect ? '; redirects are not followed' : ''}.` };
  } catch (error) {
    return { status: null, error: reasonOf(error, signal, timeoutMs ?? attemptTimeoutMs) };
  }
}

function post(
  url: URL,
  addresses: readonly Address[],
  { id, body, secrets }: Attempt,
  signal: AbortSignal,
): Promise<number> {
  const sentAt = new Date();
  // Only what was checked is connected to, whatever the name leads to by now.
  const lookup: LookupFunction = (_name, { all }, done) => {
    const [first] = addresses as [Address];
    if (all)
      done(
        null,
        addresses.map((one) => ({ ...one })),
      );
    else done(null, first.address, first.family);
  };
  return new Promise((answered, failed) => {
    const request = (url.protocol === 'https:' ? https : http).request(url, {
      method: 'POST',
      // A connection of its own: none is left open to a stranger.
      agent: false,
      lookup,
      signal,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'Bulkhead-Webhooks',
        'webhook-id': id,
        'webhook-timestamp': Math.floor(sentAt.getTime() / 1000),
        'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(id, sentAt, body)).join(' '),
      },
    });
    request.on('error', failed);
    request.on('response', (response) => {
      const status = response.statusCode ?? 0;
      let left = answerBytesMax;
      response.on('data', (chunk: Buffer) => {
        left -= chunk.length;
        if (left < 0) response.destroy();
      });
      // Its status is what counts, also when the rest of the answer breaks off.
      response.on('error', () => {});
      response.on('close', () => answered(status));
    });
    request.end(body);
  });
}

/** Of the usual ones, what the receiver's owner can do something with. */
const reasons: Readonly<Record<string, string>> = {
  ENOTFOUND: 'The name of the receiver is not known to DNS.',
  ENODATA: 'The name of the receiver has no address.',
  ESERVFAIL: 'The name of the receiver cannot be resolved.',
  ETIMEOUT: 'DNS did not answer in time.',
  ECONNREFUSED: 'The receiver refused the connection.',
  ECONNRESET: 'The receiver closed the connection without an answer.',
  EHOSTUNREACH: 'The receiver cannot be reached.',
  ENETUNREACH: 'The receiver cannot be reached.',
  ETIMEDOUT: 'The receiver did not accept the connection.',
  DEPTH_ZERO_SELF_SIGNED_CERT: "The receiver's certificate is signed by itself.",
  CERT_HAS_EXPIRED: "The receiver's certificate has expired.",
  ERR_TLS_CERT_ALTNAME_INVALID: "The receiver's certificate is for another name.",
};

function reasonOf(error: unknown, signal: AbortSignal, timeoutMs: number): string {
  if (error instanceof RefusedAddressError) return error.message;
  if (signal.aborted) return `The receiver did not answer within ${timeoutMs / 1000} s.`;
  const code = String((error as NodeJS.ErrnoException).code ?? 'unknown');
  return reasons[code] ?? `The request failed: ${code}.`;
}

const abortable = <Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> =>
  Promise.race([
    work,
    new Promise<never>((_, failed) => signal.addEventListener('abort', () => failed(signal.reason), { once: true })),
  ]);
