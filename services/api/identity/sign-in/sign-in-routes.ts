/** The routes of better-auth that are open, and no other: sign-in by OIDC, sign-out. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { allowedOrigins, assertOrigin } from '../../../shared/auth/auth.ts';
import { ProblemError, pathOf } from '../../../shared/http/problem.ts';
import type { Api } from '../../context.ts';
import { noTenant } from './sessions.ts';
import { oidcProvider } from './sign-in.ts';

export const signInRoutes = [
  ['POST', '/v1/auth/sign-in/social'],
  ['GET', `/v1/auth/callback/${oidcProvider}`],
  ['POST', '/v1/auth/sign-out'],
] as const;

export function serveSignIn({ app, signIn, limits, settings }: Api): void {
  const origins = allowedOrigins(settings.PUBLIC_URL);
  app.http.register(async (http: FastifyInstance) => {
    for (const [method, url] of signInRoutes)
      http.route({
        method,
        url,
        exposeHeadRoute: false,
        ...(method === 'POST' && { preValidation: limits.attempt }),
        handler: async (request, reply) => {
          // Also without a cookie: another site must not sign a person in as somebody else.
          if (request.headers.origin || request.headers.cookie) assertOrigin(request, origins);
          return answer(await signIn.handle(toWebRequest(request, settings.PUBLIC_URL)), request, reply);
        },
      });
  });
}

function toWebRequest(request: FastifyRequest, publicUrl: string): Request {
  const headers = webHeaders(request);
  const body = request.method === 'GET' ? undefined : JSON.stringify(request.body ?? {});
  if (body) headers.set('content-type', 'application/json');
  headers.delete('content-length');
  return new Request(new URL(request.url, publicUrl), { method: request.method, headers, body: body ?? null });
}

function webHeaders(request: FastifyRequest): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined && !name.startsWith(':'))
      headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  // The address that sessions show: what the router or balancer in front saw.
  headers.set('x-forwarded-for', request.ip);
  return headers;
}

async function answer(response: Response, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) reply.header('set-cookie', cookies);
  const location = response.headers.get('location');
  if (response.status >= 300 && response.status < 400 && location)
    return reply.redirect(explained(location), response.status);
  const body = await response.text();
  if (response.status >= 400) throw toProblem(response.status, body);
  // With a Location, a browser's fetch would still not follow a 200; the page does.
  if (location) reply.header('location', location);
  request.log.info({ url: pathOf(request) }, 'sign-in');
  return reply.code(response.status).type('application/json').send(body);
}

/** Why the company sign-in let nobody in, by better-auth's code. */
const reasons: Readonly<Record<string, string>> = {
  signup_disabled: 'No member has the address that the company sign-in gave. Ask an admin to add you.',
  NO_TENANT: noTenant,
  email_not_found: 'The company sign-in gave no address.',
  state_mismatch: 'The sign-in took too long or was begun in another browser. Try again.',
};

/** Errors travel back to the page as `?error=CODE`; a person needs words with it. */
function explained(location: string): string {
  const relative = !URL.canParse(location);
  const url = new URL(location, 'http://relative.invalid');
  const code = url.searchParams.get('error');
  const reason = code && !url.searchParams.has('error_description') ? reasons[code] : undefined;
  if (!reason) return location;
  url.searchParams.set('error_description', reason);
  return relative ? url.pathname + url.search + url.hash : url.href;
}

function toProblem(status: number, body: string): ProblemError {
  const { code, message } = parse(body);
  if (code?.includes('ORIGIN') || code?.includes('CROSS_SITE'))
    return new ProblemError('wrong-origin', message ?? 'The request comes from another site.');
  if (status === 401) return new ProblemError('unauthorized', message ?? 'Wrong address or password.');
  if (status === 403) return new ProblemError('forbidden', message ?? 'Not allowed.');
  if (status === 404) return new ProblemError('not-found', message ?? 'There is no such way to sign in.');
  if (status < 500) return new ProblemError('bad-request', message ?? 'The request is not valid.');
  return new ProblemError('unavailable', 'Sign-in does not work right now.', { retryAfterS: 5 });
}

function parse(body: string): { code?: string; message?: string } {
  try {
    return JSON.parse(body);
  } catch {
    return {};
  }
}
