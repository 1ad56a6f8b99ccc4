/** Connections to a model: one serves answer after answer; one that died without a word holds nobody up for long. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createModel } from '../../../../services/chat/models/model.ts';
import { newTokenUsage } from '../../../../services/chat/turns/token-usage.ts';
import { configuredModels } from '../../../../services/shared/models/configured-models.ts';
import { proxyOf, type StoreProxy } from '../../../support/proxy.ts';
import { until } from '../fixture.ts';
import { type ModelBehaviour, type ModelServer, says, startModelServer } from './model-server.ts';

let server: ModelServer;
let proxy: StoreProxy;
beforeAll(async () => {
  server = await startModelServer();
  proxy = await proxyOf(server.url);
});
afterAll(async () => {
  await proxy.close();
  await server.close();
});

const modelOf = (firstTokenMs?: number, through = proxy) => {
  const none = { MODELS: '', MODEL_API_KEYS: '', MODELS_ALLOWED: '', MODEL_API_KEY: '' };
  const models = configuredModels({ ...none, MODEL_URL: through.through(server.url), MODEL_NAME: 'told' });
  const model = createModel(models, { ...(firstTokenMs && { firstTokenMs }) });
  return async () => {
    let answer = '';
    const call = { name: 'told', system: '', messages: [], answerTokensMax: 100, tokenUsage: newTokenUsage() };
    for await (const part of model?.stream({ ...call, signal: new AbortController().signal }) ?? [])
      answer += typeof part === 'string' ? part : ` (${part.finishReason})`;
    return answer;
  };
};

/** Until an answer's connection is free again. */
const idleMs = 200;

/** As an endpoint writes it, byte for byte. */
const writes =
  (text: string): ModelBehaviour =>
  ({ response }) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(text);
  };
const said = (content: string | null, finish_reason: string | null = null) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason }] })}\n\n`;
const whole = `${said('Fourteen days.')}${said(null, 'stop')}data: [DONE]\n\n`;

test('an answer whose end comes after its [DONE] leaves its connection to the next one', async () => {
  const answer = modelOf();
  const ports = new Set<number | undefined>();
  let end = () => {};
  server.behave(({ response }) => {
    ports.add(response.socket?.remotePort);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(whole);
    end = () => response.end();
  });
  for (let asked = 0; asked < 5; asked++) {
    expect(await answer()).toBe('Fourteen days. (stop)');
    end();
    await sleep(idleMs);
  }
  // On a busy machine one may still be read to its end when the next question comes.
  expect(ports.size).toBeLessThan(5);
});

test('an endpoint that never ends its answer holds up nobody, and loses its connection', async () => {
  let gone = false;
  server.behave(async (stream) => {
    stream.response.once('close', () => {
      gone = true;
    });
    stream.response.writeHead(200, { 'content-type': 'text/event-stream' });
    stream.response.write(whole);
  });
  expect(await modelOf()()).toBe('Fourteen days. (stop)');
  expect(gone).toBe(false);
  await until(() => gone);
});

test('a chunk may come in pieces, a piece in the middle of a letter', async () => {
  server.behave(async ({ response }) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const byte of Buffer.from(`: a comment\r\n\r\n${said('십사 일')}${said(null, 'length')}`)) {
      response.write(Uint8Array.of(byte));
      await new Promise(setImmediate);
    }
    response.end();
  });
  expect(await modelOf()()).toBe('십사 일 (length)');
});

test('what an endpoint reports in its stream is told, and what is no chunk too', async () => {
  server.behave(writes(`${said('Fourteen')}data: {"error":{"message":"out of memory"}}\n\n`));
  await expect(modelOf()()).rejects.toThrow("'told' failed: out of memory");
  server.behave(writes(`${said('Fourteen')}data: {"choices"\n\n`));
  await expect(modelOf()()).rejects.toThrow("'told' failed: what it sent is no JSON");
  server.behave(writes(`data: ${'x'.repeat(2_000_000)}`));
  await expect(modelOf()()).rejects.toThrow("'told' failed: Buffered data exceeded max buffer size of 1048576");
});

test('a kept connection whose other end vanished fails one answer, in time, and is not used again', async () => {
  const own = await proxyOf(server.url);
  try {
    const answer = modelOf(300, own);
    server.behave(says('Fourteen days.'));
    expect(await answer()).toBe('Fourteen days. (stop)');
    await sleep(idleMs);
    const kept = own.connections;
    own.silence();
    let failed = 0;
    const answered = async (): Promise<string> =>
      answer().catch((error: Error) => {
        expect(error.message).toBe("'told' failed: nothing came within 0.3 s");
        failed += 1;
        return answered();
      });
    expect(await answered()).toBe('Fourteen days. (stop)');
    expect(failed).toBeGreaterThan(0);
    expect(failed).toBeLessThanOrEqual(kept);
  } finally {
    await own.close();
  }
});
