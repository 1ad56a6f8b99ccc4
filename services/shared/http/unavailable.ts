/**
 * A store, or another tier, that is away or does not answer in time. Callers of the service get a `503` for it
 * (http.ts); what was asked for may be asked again.
 */
import type { ServiceName, Store } from '../../manifest.ts';

export type DependencyName = Store | ServiceName;

export class UnavailableError extends Error {
  readonly dependency: DependencyName;

  constructor(dependency: DependencyName, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UnavailableError';
    this.dependency = dependency;
  }
}

/** The connection broke, or could not be made. */
export const networkCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
  'ENOTFOUND',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);

/**
 * SQLSTATEs of a server that goes, comes, is full, is the wrong one after a failover, or refuses this role: connection
 * exceptions (08), insufficient resources (53), operator intervention (57P), read-only (25006), authorization (28), and
 * the end of a session that idled in its transaction (25P03).
 */
const serverStates = /^(08...|53...|57P..|25006|25P03|28...)$/;

/** `pg` gives these no code. */
const driverMessages =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end)/;

/** An error of `pg`: as {@link UnavailableError} when it says that PostgreSQL is away, else as it was. */
export function fromPostgres(error: unknown): unknown {
  const { code = '', message = '' } = error as { code?: unknown; message?: string };
  const away = serverStates.test(String(code)) || networkCodes.has(String(code)) || driverMessages.test(message);
  if (!away) return error;
  return new UnavailableError('postgres', `PostgreSQL is away: ${message || String(code)}`, { cause: error });
}

/** SQLSTATEs of statements that waited too long for a lock or at all, or lost to another: worth another try. */
const busyStates: ReadonlySet<unknown> = new Set(['57014', '55P03', '40001', '40P01']);

/** Whether PostgreSQL was there, but too busy for this statement. */
export const isBusy = (error: unknown): boolean => busyStates.has((error as { code?: unknown }).code);
