/** Readers who take nothing: over a real socket, with more to read than the buffers of a connection take. */
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import Fastify, { type FastifyReply } from 'fastify';
import { type EventStream, openEventStream } from '../../../../services/chat/turns/sse.ts';

/** More than the buffers of both ends of a loopback connection take, which is about 6 MB. */
const large = JSON.stringify('x'.repeat(20_000_000));
/** Less than makes a sender wait. */
const small = JSON.stringify('x'.repeat(8000));

test.each([
  ['an event that is being sent', (stream: EventStream) => stream.send({ json: large })],
  [
    'an answer that has ended',
    async (stream: EventStream, { raw }: FastifyReply) => {
      // Until so little waits that the sender need not, and yet nothing of it is taken.
      do {
        await stream.send({ json: small });
        await immediate();
      } while (raw.writableLength === 0);
      stream.end();
    },
  ],
])(
  'a reader who takes nothing of %s is let go',
  async (_name, write) => {
    const app = Fastify();
    let answer: FastifyReply | undefined;
    app.get('/', (_request, reply) => {
      answer = reply;
      void write(openEventStream(reply, { stalledMs: 500 }), reply);
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
    socket.on('error', () => {});
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await once(socket, 'connect');
    for (let tries = 0; tries < 200 && !answer?.raw.destroyed; tries += 1) await sleep(100);
    expect(answer?.raw.destroyed).toBe(true);
    socket.destroy();
    await app.close();
  },
  60_000,
);
