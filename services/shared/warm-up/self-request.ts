/** A service asks itself, over real sockets, as its first caller will: what that walks through is compiled then. */
import { request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** So that the log can tell them from real ones (http.ts). */
export const visitor = 'bulkhead-warm-up';

/** As far as it is asked for where it listens. */
interface ListeningApp {
  readonly http: { readonly server: Server };
}

export interface SelfRequest {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON with POST. Absent: GET. */
  readonly body?: unknown;
}

/** Statements are prepared at the fifth use and planned for good at the tenth; code is compiled in between. */
export const rounds = 20;
/** A slow neighbour must not keep a replica from becoming ready. */
const timeoutMs = 2000;

/** Reads every answer to its end. @throws Error when one is missing or not a success: the warm-up called a wrong address */
export async function selfRequest(app: ListeningApp, { path, headers, body }: SelfRequest): Promise<void> {
  const { port } = app.http.server.address() as AddressInfo;
  const text = body === undefined ? undefined : JSON.stringify(body);
  for (let round = 0; round < rounds; round += 1)
    await new Promise<void>((resolve, reject) => {
      const asked = request({
        host: '127.0.0.1',
        port,
        path,
        method: text === undefined ? 'GET' : 'POST',
        headers: {
          'user-agent': visitor,
          ...headers,
          ...(text !== undefined && { 'content-type': 'application/json' }),
        },
        timeout: timeoutMs,
        agent: false,
      });
      asked
        .once('response', (response) => {
          const { statusCode = 0 } = response;
          if (statusCode >= 300) reject(new Error(`${path} answered ${statusCode} while warming up`));
          response.once('end', resolve).once('error', reject).resume();
        })
        .once('timeout', () => asked.destroy(new Error(`no answer from ${path} in ${timeoutMs} ms`)))
        .once('error', reject)
        .end(text);
    });
}
