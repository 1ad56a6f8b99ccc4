/** A receiver of webhooks: a real HTTP server that keeps what came and answers as it is told. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

export type Answering = (request: Received, response: ServerResponse) => void;

export const answer =
  (status: number, headers: Record<string, string> = {}): Answering =>
  (_request, response) =>
    response.writeHead(status, headers).end('ok');

export async function startReceiver() {
  const received: Received[] = [];
  let answering: Answering = answer(204);
  const server = createServer(async (request: IncomingMessage, response) => {
    // Null: who sent it went away.
    const body = await text(request).catch(() => null);
    if (body === null) return;
    const got: Received = {
      method: request.method as string,
      path: request.url as string,
      headers: request.headers as Record<string, string>,
      body,
    };
    received.push(got);
    answering(got, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}/hook`,
    received,
    answerWith: (with_: Answering) => {
      answering = with_;
    },
    /** Waits until so many have come. */
    until: async (count: number, forMs = 60_000): Promise<void> => {
      for (const endMs = Date.now() + forMs; received.length < count; await sleep(20))
        if (Date.now() > endMs) throw new Error(`${received.length} requests came, expected ${count}`);
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
export type Receiver = Awaited<ReturnType<typeof startReceiver>>;

/** The body, when the signature is right. @throws Error when it is not */
export const verified = ({ body, headers }: Received, secret: string) =>
  // biome-ignore lint/suspicious/noExplicitAny: the tests say what they expect of a body
  new Webhook(secret).verify(body, headers) as any;
