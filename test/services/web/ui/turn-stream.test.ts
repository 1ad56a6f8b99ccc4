/** The reader of an answer's events takes whatever a line brings, however it is cut. */
import { expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { turnStream } from '../../../../services/web/ui/data/turn-stream.ts';

/** What is no event of an answer: comments, unknown fields, frames without data or without a name. */
const noise = fc.oneof(
  fc.constant(':'),
  fc.string().map((text) => `: ${text.replace(/[\r\n]/g, ' ')}`),
  fc.string().map((text) => `unknown: ${text.replace(/[\r\n]/g, ' ')}`),
  fc.constant('retry: 1000'),
);
const valid = fc.record({
  text: fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constant('x'.repeat(300_000)),
    fc.constant('\r\n\n data: 한국어 🦈\u2028'),
  ),
  before: fc.array(noise, { maxLength: 3 }),
  lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
});

function bodyOf(bytes: Uint8Array, cuts: readonly number[]): Response {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  const chunks = places.slice(1).map((end, index) => bytes.slice(places[index], end));
  return new Response(
    new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        for (const chunk of chunks) controller.enqueue(chunk as Uint8Array<ArrayBuffer>);
        controller.close();
      },
    }),
  );
}

test('no event is lost, doubled or changed by where the line is cut, by its line ends or by what lies between', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(valid, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 30 }), async (sent, cuts) => {
      const text = sent
        .map(({ text: token, before, lineEnd }, index) =>
          [...before, `id: ${index + 1}`, 'event: token', `data: ${JSON.stringify({ text: token })}`, '', ''].join(
            lineEnd,
          ),
        )
        .join('');
      const told: unknown[] = [];
      for await (const event of turnStream(bodyOf(new TextEncoder().encode(text), cuts))) told.push(event);
      expect(told).toEqual(
        sent.map(({ text: token }, index) => ({
          id: String(index + 1),
          event: { event: 'token', data: { text: token.toWellFormed() } },
        })),
      );
    }),
    { numRuns: 200 },
  );
});

test.each(['{', 'nonsense', '{"text": "cut'])(
  'what is no JSON (%j) breaks the line after the event before, to be taken up from there',
  async (data) => {
    const text = `id: 1\nevent: token\ndata: {"text":"a"}\n\nid: 2\nevent: token\ndata: ${data}\n\nid: 3\nevent: token\ndata: {}\n\n`;
    const body = bodyOf(new TextEncoder().encode(text), []);
    const told: (string | undefined)[] = [];
    await expect(
      (async () => {
        for await (const { id } of turnStream(body)) told.push(id);
      })(),
    ).rejects.toThrow(SyntaxError);
    expect(told).toEqual(['1']);
    // Given up, so that its connection is free again.
    expect(body.bodyUsed).toBe(true);
  },
);

test('a line is kept while heartbeats come, and given up when nothing does', async () => {
  jest.useFakeTimers();
  try {
    let line: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
    const canceled = jest.fn<() => void>();
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        line = controller;
      },
      cancel: canceled,
    });
    const ended = turnStream(new Response(body)).next();
    const outcome = jest.fn();
    ended.then(outcome, outcome);
    for (let beat = 0; beat < 8; beat++) {
      await jest.advanceTimersByTimeAsync(30_000);
      line?.enqueue(new TextEncoder().encode(':\n\n'));
    }
    await jest.advanceTimersByTimeAsync(30_000);
    expect(outcome).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(15_000);
    await expect(ended).rejects.toThrow('aborted');
    expect(canceled).toHaveBeenCalled();
  } finally {
    jest.useRealTimers();
  }
});
