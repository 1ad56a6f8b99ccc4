/** Whose head never ends, at chat and at the governor: ended in bounded time, with no slot taken and nobody kept out. */
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { App } from '../../services/shared/http/http.ts';
import { allEvents, type ChatUnderTest, openChat } from './chat/fixture.ts';
import { type Backend, type Governor, startBackend, startGovernor } from './governor/fixture.ts';

let opened: ChatUnderTest;
let backend: Backend;
let governor: Governor;
beforeAll(async () => {
  [opened, backend] = await Promise.all([openChat({ slots: 1 }), startBackend()]);
  governor = await startGovernor({ backend, max: 1 });
});
afterAll(async () => {
  await governor?.stop();
  backend?.close();
  await opened?.close();
});

/** More than slots, and than any queue of connections that a service could mind. */
const clients = 50;
/** In tests; the look that finds it comes as often as in production. */
const headTimeoutMs = 1000;

/** Sends the head of a request a letter at a time, and never its end. */
function drip(port: number, path: string): { readonly socket: Socket; readonly ended: Promise<string> } {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1').on('data', (more) => {
    text += more;
  });
  socket.on('error', () => {});
  socket.write(`POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nx-slow: `);
  const timer = setInterval(() => socket.writable && socket.write('x'), 100);
  return {
    socket,
    ended: new Promise((resolve) =>
      socket.once('close', () => {
        clearInterval(timer);
        resolve(text);
      }),
    ),
  };
}

async function besides(app: App, path: string, serve: () => Promise<unknown>, inFlight: string): Promise<void> {
  expect(app.http.server.headersTimeout).toBe(20_000);
  app.http.server.headersTimeout = headTimeoutMs;
  const { port } = app.http.server.address() as { port: number };
  const slow = Array.from({ length: clients }, () => drip(port, path));
  await Promise.all(slow.map(({ socket }) => new Promise((resolve) => socket.once('ready', resolve))));
  await serve();
  expect(slow.filter(({ socket }) => socket.closed)).toEqual([]);
  expect(await app.metrics.metrics()).toContain(`${inFlight} 0\n`);
  // The test's own time limit ends it: they would drip for ever.
  for (const answer of await Promise.all(slow.map(({ ended }) => ended))) {
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
    expect(answer).toContain('The head of the request came too slowly.');
  }
}

test('chat', async () => {
  const { brain, person } = await opened.brainOf(['Refunds are paid within fourteen days of the return.']);
  opened.model.behave((stream) => {
    stream.text('Refunds are paid [1].');
    stream.end();
  });
  const conversation = await opened.chat.newConversation(person, brain);
  const path = `/v1/chat/conversations/${conversation.id}/turns`;
  await besides(
    opened.chat.app,
    path,
    async () => {
      const all = await allEvents(await opened.chat.ask(person, conversation, 'When are refunds paid?'));
      expect(all.at(-1)?.event).toBe('done');
    },
    'chat_inflight',
  );
});

test("the governor's proxy", async () => {
  backend.does((_request, response) => void response.end('{}'));
  await besides(
    governor.app,
    '/v1/chat/completions',
    async () => {
      const answer = await fetch(`${governor.url}/v1/chat/completions`, { method: 'POST', body: '{}' });
      expect(answer.status).toBe(200);
    },
    'governor_inflight',
  );
});
