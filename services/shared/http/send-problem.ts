/** What was thrown, told as problem+json; by OpenAI's routes as OpenAI tells it. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import type { Route } from '../contract/routes.ts';
import { toOpenAiError } from './openai-error.ts';
import { ProblemError, type ProblemExtras, pathOf } from './problem.ts';
import { problemOfStore } from './store-problem.ts';

export function toProblemError(error: unknown, request: FastifyRequest): ProblemError {
  if (error instanceof ProblemError) return error;
  const unavailable = problemOfStore(error);
  if (unavailable) {
    request.log.warn(
      { err: error, method: request.method, url: pathOf(request) },
      'not served: a store is away or busy',
    );
    return unavailable;
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const errors = error.validation.map(({ instancePath, message }) => ({
      path: `${error.validationContext ?? 'body'}${instancePath}`,
      message: message ?? 'not valid',
    }));
    return new ProblemError('bad-request', errors.map(({ path, message }) => `${path}: ${message}`).join('; '), {
      errors,
    });
  }
  const { statusCode, message } = error as { statusCode?: number; message: string };
  if (statusCode === 413) return new ProblemError('too-large', message);
  if (statusCode === 415) return new ProblemError('unsupported-type', message);
  if (statusCode === 429) return new ProblemError('too-many-requests', message);
  if (statusCode && statusCode < 500) return new ProblemError('bad-request', message);
  request.log.error({ err: error, method: request.method, url: pathOf(request) }, 'failed');
  return new ProblemError('internal', `Reference ${request.id}.`, { instance: request.id } satisfies ProblemExtras);
}

export function sendProblem(reply: FastifyReply, error: ProblemError): FastifyReply {
  const { retryAfterS, retry_hint_ms } = error.extras;
  if (retryAfterS !== undefined) reply.header('retry-after', String(retryAfterS));
  // Not rounded up to seconds: OpenAI's clients look for it first.
  if (retry_hint_ms !== undefined) reply.header('retry-after-ms', String(retry_hint_ms));
  // The rest of a body that came too slowly is not waited for.
  if (error.status === 408) reply.header('connection', 'close');
  reply.code(error.status).serializer(JSON.stringify);
  const { errors } = (reply.routeOptions?.config ?? {}) as Pick<Route, 'errors'>;
  if (errors === 'openai') return reply.type('application/json').send(toOpenAiError(error));
  return reply.type('application/problem+json').send(error.toProblem());
}
