import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import type { App } from '../../../services/shared/http/http.ts';
import { createWebApp } from '../../../services/web/app.ts';

const log = pino({ level: 'silent' });

describe('web tier', () => {
  let dist: string;
  let app: App;
  beforeAll(async () => {
    dist = await mkdtemp(path.join(tmpdir(), 'web-'));
    await mkdir(path.join(dist, 'assets'));
    await writeFile(
      path.join(dist, 'index.html'),
      '<!doctype html><html lang="en"><meta property="csp-nonce" nonce="__CSP_NONCE__"></html>',
    );
    await writeFile(path.join(dist, 'assets/main-1a2b.js'), 'plain');
    await writeFile(path.join(dist, 'assets/main-1a2b.js.br'), 'brotli');
    app = await createWebApp({ log, dist });
  });
  afterAll(async () => {
    await app.http.close();
    await rm(dist, { recursive: true });
  });
  const get = (url: string, headers: Record<string, string> = {}) => app.http.inject({ url, headers });

  test('gives every answer a nonce of its own, in the page and in the policy', async () => {
    const [one, two] = await Promise.all([get('/'), get('/b/1/c/2?src=3')]);
    const nonces = [one, two].map(({ body }) => /nonce="([^"]+)"/.exec(body)?.[1] ?? '');
    expect(nonces[0]).not.toBe(nonces[1]);
    expect(nonces[0]).toMatch(/^[A-Za-z0-9+/]{22}==$/);
    expect(one.headers['content-security-policy']).toBe(
      `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonces[0]}'; img-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'`,
    );
    expect(one.headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  });

  test('writes theme and language into the first byte, so that nothing flashes', async () => {
    expect((await get('/', { cookie: 'theme=dark; language=ko' })).body).toContain('<html lang="ko" class="dark">');
    expect((await get('/', { 'accept-language': 'fr, ko;q=0.8, en;q=0.5' })).body).toContain('<html lang="ko">');
    expect((await get('/', { cookie: 'theme="><script>' })).body).toContain('<html lang="en">');
  });

  test('serves assets for ever and compressed beforehand', async () => {
    const plain = await get('/assets/main-1a2b.js');
    expect(plain).toMatchObject({ statusCode: 200, body: 'plain' });
    expect(plain.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    const packed = await get('/assets/main-1a2b.js', { 'accept-encoding': 'br, gzip' });
    expect(packed.headers['content-encoding']).toBe('br');
    expect(packed.body).toBe('brotli');
  });

  test.each(['/assets/old-9f.js', '/favicon.ico', '/v1/nothing'])(
    'says that %s is missing, not a page',
    async (url) => {
      const answer = await get(url);
      expect(answer.statusCode).toBe(404);
      expect(answer.headers['content-type']).toContain('application/problem+json');
      expect(answer.json()).toMatchObject({ status: 404, code: 'not-found' });
    },
  );

  test('does not give a page to a program that wants JSON', async () => {
    expect((await get('/brains', { accept: 'application/json' })).statusCode).toBe(404);
  });

  test('is ready until it drains', async () => {
    expect((await get('/readyz')).statusCode).toBe(200);
    expect((await get('/metrics')).body).toContain('http_request_duration_seconds');
    const other = await createWebApp({ log, dist });
    other.drain();
    expect((await other.http.inject('/readyz')).json()).toEqual({ status: 'not ready', reason: 'draining' });
    expect((await other.http.inject('/livez')).statusCode).toBe(200);
    await other.http.close();
  });

  test('is not asked for its metrics or health by the public, and comes by https alone where it is reached so', async () => {
    const forwarded = { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https' };
    for (const url of ['/metrics', '/livez', '/readyz'])
      expect([url, (await get(url, forwarded)).statusCode]).toEqual([url, 404]);
    expect((await get('/', forwarded)).headers['strict-transport-security']).toBe('max-age=31536000');
    expect((await get('/')).headers['strict-transport-security']).toBeUndefined();
  });

  test('without a built page, says how to build it', async () => {
    await expect(createWebApp({ log, dist: '/nowhere' })).rejects.toThrow(
      "there is no built page in /nowhere: run 'node services/web/build.ts'",
    );
  });
});
