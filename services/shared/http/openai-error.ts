/** Errors as clients of OpenAI's API read them, on the routes that speak it. Their official client shows nothing else. */
import type { OpenAiError } from '../contract/common.ts';
import type { ProblemError } from './problem.ts';

export function toOpenAiError(problem: ProblemError): OpenAiError {
  const { code, message, status, extras } = problem;
  // `body/messages/0/role` -> `messages.0.role`
  const param = extras.errors?.[0]?.path.replace(/^(body|querystring|params)\/?/, '').replaceAll('/', '.') || null;
  const error = { message, type: typeOf(status), param, code };
  return code === 'yield' ? { status: code, retry_hint_ms: extras.retry_hint_ms, error } : { error };
}

/** The types that OpenAI documents; who reads more than the status finds ours in `code`. */
function typeOf(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
}
