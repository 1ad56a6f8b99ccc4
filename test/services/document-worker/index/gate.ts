/** A vectorstore behind a gate: of what is asked of a brain, whatever is over the count waits, and arrives late. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Shorter than a worker waits for a call: its next try would be held as well. */
const untilMs = 45_000;

export async function openGate(target: string | undefined) {
  const state = { held: 0, open: 0 };
  let left = Number.POSITIVE_INFINITY;
  let turn = Promise.withResolvers<void>();
  const server = createServer(async (request, response) => {
    // Looks at its health are nobody's work.
    if (!request.url?.startsWith('/brains/')) return void response.end();
    const body = await bodyOf(request);
    state.held += 1;
    while (left <= 0) await turn.promise;
    left -= 1;
    state.held -= 1;
    state.open += 1;
    const { authorization = '', 'content-type': type = 'application/json' } = request.headers;
    const headers = { authorization, 'content-type': type };
    const answer = await fetch(`${target}${request.url}`, { method: 'POST', headers, body });
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
    state.open -= 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    letThrough: (count: number) => {
      left = count;
      turn.resolve();
      turn = Promise.withResolvers();
    },
    until: async (holds: (now: typeof state) => boolean) => {
      for (const end = Date.now() + untilMs; !holds(state); await sleep(20))
        if (Date.now() > end) throw new Error(`the gate is still at ${JSON.stringify(state)}`);
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}
