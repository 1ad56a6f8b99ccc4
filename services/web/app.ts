/**
 * The web tier: serves the built page and nothing else. It holds no state, knows no secret and calls no other tier, so
 * it keeps answering while everything behind it is busy.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import fastifyStatic from '@fastify/static';
import { type App, createApp } from '../shared/http/http.ts';
import { noRoute, pathOf } from '../shared/http/problem.ts';
import type { Logger } from '../shared/log.ts';
import { distFolder, noncePlaceholder } from './dist.ts';
import { preferences } from './preferences.ts';

/**
 * @param dist folder of the built page.
 * @throws Error when the page was not built.
 */
export async function createWebApp({ log, dist = distFolder }: { log: Logger; dist?: string }): Promise<App> {
  const page = await readFile(path.join(dist, 'index.html'), 'utf8').catch(() => {
    throw new Error(`there is no built page in ${dist}: run 'node services/web/build.ts'`);
  });
  const app = createApp({ log, notReady: async () => null });
  const { http } = app;

  http.addHook('onRequest', async (_request, reply) => {
    reply.headers(securityHeaders);
  });
  await http.register(fastifyStatic, {
    root: path.join(dist, 'assets'),
    prefix: '/assets/',
    decorateReply: false,
    // Written by the build: compressing costs no time here.
    preCompressed: true,
    // Names carry a hash of their content.
    immutable: true,
    maxAge: '365d',
    setHeaders: (reply) => {
      // A worker takes the policy of its own answer, not the page's.
      reply.headers({ 'content-security-policy': workerPolicy });
    },
  });
  http.get('/*', async (request, reply) => {
    const pathname = pathOf(request);
    if (!isPage(pathname, request.headers.accept)) throw noRoute(request);
    const nonce = randomBytes(16).toString('base64');
    const { theme, language } = preferences(request.headers.cookie, request.headers['accept-language']);
    return reply
      .type('text/html; charset=utf-8')
      .headers({ 'content-security-policy': pagePolicy(nonce), 'cache-control': 'no-store', vary: 'cookie' })
      .send(
        page
          .replaceAll(noncePlaceholder, nonce)
          .replace('<html lang="en">', `<html lang="${language}"${theme ? ` class="${theme}"` : ''}>`),
      );
  });
  return app;
}

/** Only the nonce of this response may bring a style tag (the dialogs need one); scripts come from files alone. */
function pagePolicy(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' blob:",
    "font-src 'self'",
    "connect-src 'self'",
    "worker-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
  ].join('; ');
}

const workerPolicy = "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'";

const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
};

/** The page answers addresses that people see; a missing file or call must say so and not look like a page. */
function isPage(pathname: string, accept = '*/*'): boolean {
  const named = /\.[a-z0-9]+$/i.test(pathname) || /^\/(?:assets|v1)(?:\/|$)/.test(pathname);
  return !named && /text\/html|\*\/\*/.test(accept);
}
