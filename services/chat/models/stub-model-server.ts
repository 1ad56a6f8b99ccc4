/**
 * An endpoint on loopback that answers as a model does, while a replica warms up: the real one would bill every start.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Of one answer; some cite passages. */
const words = Array.from({ length: 40 }, (_, at) => (at % 10 === 9 ? `[${(at + 1) / 10}]. ` : 'warm '));

/** @param run gets its MODEL_URL */
export async function withStubModelServer(run: (url: string) => Promise<unknown>): Promise<void> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    // One by one: each word is then read as if it came alone.
    const next = (at: number) => {
      const content = words[at];
      if (content === undefined)
        return response.end(
          `${chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage })}data: [DONE]\n\n`,
        );
      response.write(chunk({ choices: [{ index: 0, delta: { content }, finish_reason: null }] }), () => next(at + 1));
    };
    next(0);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const usage = { prompt_tokens: 100, completion_tokens: words.length };

const chunk = (members: object) =>
  `data: ${JSON.stringify({ id: 'warm', object: 'chat.completion.chunk', created: 0, model: 'warm', choices: [], ...members })}\n\n`;
