/** Errors that callers see: RFC 9457 problem details from one catalog. */
import type { Problem } from '../contract/common.ts';

/** Every code with its status and title; `detail` says what was given, what is allowed and what to do. */
export const problems = {
  'bad-request': [400, 'The request is not valid'],
  unauthorized: [401, 'Sign in first'],
  forbidden: [403, 'Not allowed'],
  'wrong-origin': [403, 'The request comes from another site'],
  'not-found': [404, 'Not found'],
  'method-not-allowed': [405, 'Method not allowed'],
  'too-slow': [408, 'The request came too slowly'],
  conflict: [409, 'Conflict'],
  'still-arriving': [409, 'The first request with this key is still arriving'],
  gone: [410, 'No longer here'],
  'too-large': [413, 'Too large'],
  'bad-range': [416, 'The range is outside of the file'],
  'unsupported-type': [415, 'Type not supported'],
  unsupported: [422, 'Not supported here'],
  'key-reused': [422, 'The Idempotency-Key was used for another request'],
  quota: [429, 'Quota used up'],
  'too-many-requests': [429, 'Too many requests'],
  internal: [500, 'Our fault'],
  unavailable: [503, 'Not available right now'],
  'store-unavailable': [503, 'Not available right now'],
  // Its body is the governor's too: {"status":"yield","retry_hint_ms":…}. Readers of RFC 9457 pass over such a status.
  yield: [503, 'Busy'],
  // Ends of jobs: why a document was not added.
  encrypted: [422, 'Locked with a password'],
  damaged: [422, 'The file is damaged'],
  'no-text': [422, 'No text found'],
  'too-many-pages': [422, 'Too many pages'],
  'parser-refused': [502, 'The parser refused the account'],
  'took-too-long': [422, 'Reading took too long'],
  'model-failed': [502, 'The model is not answering'],
} as const satisfies Record<string, readonly [status: number, title: string]>;
export type ProblemCode = keyof typeof problems;

export type ProblemExtras = Pick<Problem, 'errors' | 'retry_hint_ms' | 'instance'> & {
  /** Seconds for `Retry-After`. */
  readonly retryAfterS?: number;
};

/** An error that is meant for the caller. Anything else thrown becomes `internal`, without its text. */
export class ProblemError extends Error {
  readonly code: ProblemCode;
  readonly extras: ProblemExtras;

  constructor(code: ProblemCode, detail: string, extras: ProblemExtras = {}) {
    super(detail);
    this.name = 'ProblemError';
    this.code = code;
    this.extras = extras;
  }

  get status(): number {
    return problems[this.code][0];
  }

  /** The body, `application/problem+json`. */
  toProblem(): Problem {
    const { retryAfterS: _header, ...members } = this.extras;
    return {
      type: 'about:blank',
      title: problems[this.code][1],
      status: this.code === 'yield' ? 'yield' : this.status,
      code: this.code,
      detail: this.message,
      ...members,
    };
  }
}

/** The answer for what is absent and for what is another tenant's: nobody can tell which. */
export const notFound = (what: string, id: string) => new ProblemError('not-found', `There is no ${what} ${id}.`);

interface Asked {
  readonly method: string;
  readonly url: string;
}

/** Without its query, which may be a secret or what somebody looks for: neither is told again nor logged. */
export const pathOf = ({ url }: Pick<Asked, 'url'>) => url.split('?', 1)[0] as string;

/** The answer where no route is. */
export const noRoute = (asked: Asked) => new ProblemError('not-found', `There is no ${asked.method} ${pathOf(asked)}.`);

/** Refusal of a full tier: `503`, come back after `retryHintMs`. Nothing was queued. */
export function yieldError(what: string, retryHintMs: number): ProblemError {
  return new ProblemError('yield', what, { retry_hint_ms: retryHintMs, retryAfterS: Math.ceil(retryHintMs / 1000) });
}
