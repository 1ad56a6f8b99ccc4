/** Answers that are errors: RFC 9457 problem details with a stable `code`, and how long to wait. */
import type { Problem } from '../services/shared/contract/common.ts';

/** An answer that is an error. Without a status of its own (`0`): the service could not be reached. */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem;
  /** How long to wait before trying again, as the service said; null: it did not say. */
  readonly retryAfterMs: number | null;

  constructor(problem: Problem, retryAfterMs: number | null = null) {
    super(problem.detail ?? problem.title);
    this.name = 'ApiError';
    this.status = problem.status === 'yield' ? 503 : problem.status;
    this.problem = problem;
    this.retryAfterMs = retryAfterMs;
  }

  get code(): string {
    return this.problem.code;
  }
}

export function unreachable(): ApiError {
  return new ApiError({ type: 'about:blank', title: 'The service cannot be reached', status: 0, code: 'unreachable' });
}

/** The error an answer stands for, also when a proxy wrote it and it is not problem+json. */
export async function toError(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => '');
  return errorFrom(response.status, text, (name) => response.headers.get(name));
}

export function errorFrom(status: number, body: string, header: (name: string) => string | null): ApiError {
  const parsed = parseProblem(body, status);
  const problem: Problem = parsed ?? { type: 'about:blank', title: `HTTP ${status}`, status, code: `http-${status}` };
  return new ApiError(problem, problem.retry_hint_ms ?? retryAfterMs(header));
}

/** `Retry-After` in seconds or as a date (RFC 9110); null: there is none. */
export function retryAfterMs(header: (name: string) => string | null, nowMs = Date.now()): number | null {
  const text = header('retry-after');
  if (text === null) return null;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}

function parseProblem(body: string, given: number): Problem | null {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null) return null;
    // better-auth answers `{ code, message }`.
    const { title, status, code, message } = value as Partial<Problem> & { message?: string };
    if (typeof code !== 'string') return null;
    if (typeof title === 'string' && (typeof status === 'number' || status === 'yield')) return value as Problem;
    return { type: 'about:blank', title: message ?? code, status: given, code };
  } catch {
    return null;
  }
}
