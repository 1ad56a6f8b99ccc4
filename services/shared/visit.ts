/** A service asks itself, over real sockets, as its first caller will: what that walks through is compiled then. */
import { createHmac } from 'node:crypto';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sessionCookieName } from './auth.ts';
import type { App } from './http.ts';

export interface Visit {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON with POST. Absent: GET. */
  readonly body?: unknown;
}

/** The tenth round is as fast as the hundredth. */
const rounds = 10;
/** A slow neighbour must not keep a replica from becoming ready. */
const timeoutMs = 2000;

/** Whatever the answers say. @throws Error when there are none */
export async function visit(app: App, { path, headers, body }: Visit): Promise<void> {
  const { port } = app.http.server.address() as AddressInfo;
  const text = body === undefined ? undefined : JSON.stringify(body);
  for (let round = 0; round < rounds; round += 1)
    await new Promise<void>((resolve, reject) => {
      const asked = request({
        host: '127.0.0.1',
        port,
        path,
        method: text === undefined ? 'GET' : 'POST',
        headers: { ...headers, ...(text !== undefined && { 'content-type': 'application/json' }) },
        timeout: timeoutMs,
        agent: false,
      });
      asked
        .once('response', (response) => response.once('end', resolve).once('error', reject).resume())
        .once('timeout', () => asked.destroy(new Error(`no answer from ${path} in ${timeoutMs} ms`)))
        .once('error', reject)
        .end(text);
    });
}

/** A tenant, a brain and a session that nobody has. */
export const nobody = '00000000-0000-7000-8000-000000000000';

/** Signed as the real ones are, so that it is looked for in the database, and not found. */
export function nobodysCookie(settings: { readonly AUTH_SECRET: string; readonly PUBLIC_URL: string }): string {
  const signature = createHmac('sha256', settings.AUTH_SECRET).update(nobody).digest('base64');
  return `${sessionCookieName(settings.PUBLIC_URL)}=${encodeURIComponent(`${nobody}.${signature}`)}`;
}
