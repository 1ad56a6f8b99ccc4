/** The governor in front of an OpenAI-compatible server, asked by OpenAI's own client. */
import { once } from 'node:events';
import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import { throughGovernor } from '../../../services/chat/models/governed.ts';
import { compatibleEndpoint } from '../../../services/shared/models/compatible-endpoint.ts';
import { type ConfiguredModel, configuredModels } from '../../../services/shared/models/configured-models.ts';
import { type Backend, type Governor, type GovernorGiven, startBackend, startGovernor, until } from './fixture.ts';
import { onLinux, peersAsked } from './keep-alive.ts';

let backend: Backend;
let governor: Governor;
beforeEach(async () => {
  backend = await startBackend();
});
afterEach(async () => {
  await governor?.stop();
  backend.close();
});
const start = async (given: Partial<GovernorGiven> = {}) => {
  governor = await startGovernor({ backend, ...given });
  return new OpenAI({ baseURL: `${governor.url}/v1`, apiKey: 'key of the model', maxRetries: 0 });
};
const model = 'any';
const messages = [{ role: 'user' as const, content: 'Say something.' }];

const completion = (content: string) =>
  JSON.stringify({
    id: 'x',
    object: 'chat.completion',
    created: 1,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
  });
const chunk = (content: string) =>
  `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 1, model, choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`;

/** Answers when it is told to. */
function hold() {
  const answers: (() => void)[] = [];
  backend.does((_request, response) => {
    answers.push(() => response.setHeader('content-type', 'application/json').end(completion('held')));
  });
  return answers;
}

test('what is asked and answered passes unchanged: path, key, body, status', async () => {
  const client = await start();
  let seen = {};
  backend.does((incoming, response, body) => {
    seen = { url: incoming.url, key: incoming.headers.authorization, ...JSON.parse(body.toString()) };
    response.setHeader('content-type', 'application/json').setHeader('x-own', 'yes').end(completion('Hello.'));
  });
  const answer = await client.chat.completions.create({ model, messages }).withResponse();
  expect(answer.data.choices[0]?.message.content).toBe('Hello.');
  expect(answer.response.headers.get('x-own')).toBe('yes');
  expect(seen).toEqual({ url: '/v1/chat/completions', key: 'Bearer key of the model', model, messages });
  backend.does((_request, response) => void response.writeHead(418).end('{"error":{"message":"no"}}'));
  await expect(client.chat.completions.create({ model, messages })).rejects.toMatchObject({ status: 418 });
  await until(() => governor.gate.inFlight === 0);
  expect(governor.gate.counts).toMatchObject({ executed: 2, completed: 2, cancelled: 0, failed: 0 });
});

test('a stream passes as it comes', async () => {
  const client = await start();
  let go = () => {};
  const gone = new Promise<void>((resolve) => {
    go = resolve;
  });
  backend.does(async (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(chunk('one'));
    await gone;
    response.end(`${chunk('two')}data: [DONE]\n\n`);
  });
  const stream = await client.chat.completions.create({ model, messages, stream: true });
  const words: (string | null | undefined)[] = [];
  for await (const { choices } of stream) {
    words.push(choices[0]?.delta.content);
    // The first one is here while the endpoint has not ended.
    if (words.length === 1) {
      expect(governor.gate.inFlight).toBe(1);
      go();
    }
  }
  expect(words).toEqual(['one', 'two']);
  await until(() => governor.gate.inFlight === 0);
});

test('when all is taken: 503, Retry-After and the body of every yield; what takes no slot passes', async () => {
  const client = await start();
  const answers = hold();
  const first = client.chat.completions.create({ model, messages });
  await until(() => answers.length === 1);
  const refused = await fetch(`${governor.url}/v1/chat/completions`, { method: 'POST', body: '{}' });
  const body = await refused.json();
  expect(refused.status).toBe(503);
  expect(body).toMatchObject({
    status: 'yield',
    retry_hint_ms: expect.any(Number),
    error: { code: 'yield', type: 'server_error' },
  });
  expect(refused.headers.get('retry-after')).toBe(String(Math.ceil(body.retry_hint_ms / 1000)));
  expect(refused.headers.get('retry-after-ms')).toBe(String(body.retry_hint_ms));
  expect(backend.seen.requests).toBe(1);
  const list = fetch(`${governor.url}/v1/models`);
  await until(() => answers.length === 2);
  for (const answer of answers) answer();
  expect((await list).status).toBe(200);
  await first;
  expect(governor.gate.counts).toMatchObject({ executed: 1, yielded: 1 });
});

test("OpenAI's client comes back by itself, when it was told to", async () => {
  const client = await start();
  const answers = hold();
  const first = client.chat.completions.create({ model, messages });
  await until(() => answers.length === 1);
  const startedAt = performance.now();
  const second = client.chat.completions.create({ model, messages }, { maxRetries: 2 });
  await until(() => governor.gate.counts.yielded === 1);
  answers[0]?.();
  await first;
  await until(() => answers.length === 2);
  // Two seconds are expected of a use, and up to half as long is added; the client's own wait would be half a second.
  expect(performance.now() - startedAt).toBeGreaterThan(1800);
  answers[1]?.();
  expect((await second).choices[0]?.message.content).toBe('held');
  expect(governor.gate.counts.yielded).toBe(1);
});

describe('a slot is free again', () => {
  test('when the caller leaves, before the answer and in its middle, and the endpoint is told', async () => {
    const client = await start();
    for (const begun of [false, true]) {
      backend.does((_request, response) => {
        if (begun) response.writeHead(200, { 'content-type': 'text/event-stream' }).write(chunk('one'));
      });
      const abort = new AbortController();
      const before = backend.seen.requests;
      const asked = client.chat.completions
        .create({ model, messages, stream: true }, { signal: abort.signal })
        .then(async (stream) => {
          for await (const _ of stream) abort.abort();
        })
        .catch(() => {});
      await until(() => backend.seen.requests > before);
      if (!begun) abort.abort();
      await asked;
      await until(() => governor.gate.inFlight === 0 && backend.seen.inside === 0);
    }
    expect(governor.gate.counts).toMatchObject({ executed: 2, cancelled: 2, completed: 0 });
    expect(backend.seen.aborted).toBe(2);
  });

  onLinux(
    'when the caller vanished: it is asked while its answer is waited for, and cut off if it does not answer',
    async () => {
      const client = await start();
      hold();
      const abort = new AbortController();
      const asked = client.chat.completions.create({ model, messages }, { signal: abort.signal }).catch(() => {});
      await until(() => backend.seen.inside === 1);
      expect(await peersAsked(governor.port)).toHaveLength(1);
      abort.abort();
      await asked;
      await until(() => governor.gate.inFlight === 0);
    },
  );

  test('when the endpoint is away, or dies in its answer', async () => {
    const client = await start();
    backend.does((_request, response) => void response.destroy());
    await expect(client.chat.completions.create({ model, messages })).rejects.toMatchObject({
      status: 502,
      code: 'model-failed',
    });
    backend.does((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(chunk('one'));
      setTimeout(() => response.destroy(), 50);
    });
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    await expect(
      (async () => {
        for await (const _ of stream);
      })(),
    ).rejects.toThrow();
    await until(() => governor.gate.inFlight === 0);
    expect(governor.gate.counts).toMatchObject({ executed: 2, failed: 2 });
  });

  test('when the body comes too slowly', async () => {
    await start({ limits: { uploadTimeoutMs: 200 } });
    const slow = request(`${governor.url}/v1/chat/completions`, { method: 'POST', headers: { 'content-length': 100 } });
    slow.on('error', () => {});
    slow.write('{');
    const [response] = await once(slow, 'response');
    expect(response.statusCode).toBe(408);
    await until(() => governor.gate.inFlight === 0);
    expect(governor.gate.counts).toMatchObject({ executed: 1, cancelled: 1 });
    slow.destroy();
  });

  test('when the answer takes too long', async () => {
    const client = await start({ jobTimeoutMs: 200 });
    hold();
    await expect(client.chat.completions.create({ model, messages })).rejects.toMatchObject({ status: 502 });
    await until(() => governor.gate.inFlight === 0);
    expect(governor.gate.counts.failed).toBe(1);
  });
});

test('a token of its own is asked for, and not handed on', async () => {
  await start({ token: 'secret' });
  let key: string | undefined = 'none yet';
  backend.does((incoming, response) => {
    key = incoming.headers.authorization;
    response.end('{}');
  });
  const post = (authorization: string) =>
    fetch(`${governor.url}/v1/x`, { method: 'POST', body: '{}', headers: { authorization } });
  expect((await post('Bearer other')).status).toBe(401);
  expect((await post('Bearer secret')).status).toBe(200);
  expect(key).toBeUndefined();
});

test("a token beside the backend's own key: the key passes, the token does not", async () => {
  await start({ token: 'secret' });
  let seen: (string | string[] | undefined)[] = [];
  backend.does((incoming, response) => {
    seen = [incoming.headers.authorization, incoming.headers['x-governor-token']];
    response.setHeader('content-type', 'application/json').end(completion('Hello.'));
  });
  const [configured] = throughGovernor(
    configuredModels({
      MODELS: '',
      MODEL_API_KEYS: '',
      MODEL_URL: `${new URL(backend.url).origin}/v1`,
      MODEL_NAME: model,
      MODELS_ALLOWED: '',
      MODEL_API_KEY: 'key of the model',
    }),
    { GOVERNOR_URL: governor.url, GOVERNOR_BACKEND_URL: backend.url, GOVERNOR_TOKEN: 'secret' },
  );
  const { url: baseURL, apiKey, headers } = configured as ConfiguredModel;
  const ask = async (given?: Record<string, string>) =>
    (await compatibleEndpoint({ baseURL, apiKey, headers: given })()).chat.completions.create({ model, messages });
  await expect(ask()).rejects.toMatchObject({ status: 401 });
  expect((await ask(headers)).choices[0]?.message.content).toBe('Hello.');
  expect(seen).toEqual(['Bearer key of the model', undefined]);
});

test('an address in the path leads nowhere else', async () => {
  await start();
  let seen = '';
  backend.does((incoming, response) => {
    seen = `${incoming.headers.host} ${incoming.url}`;
    response.end();
  });
  await new Promise((resolve) => request(governor.url, { path: '//example.com/x', method: 'POST' }, resolve).end());
  expect(seen).toBe(`${new URL(backend.url).host} //example.com/x`);
});

test('health, metrics and both protocols on one port; its own metrics have the field’s names', async () => {
  await start();
  expect((await fetch(`${governor.url}/livez`)).status).toBe(200);
  expect((await fetch(`${governor.url}/readyz`)).status).toBe(200);
  await fetch(`${governor.url}/v1/x`, { method: 'POST', body: '{}' });
  const read = async () => (await fetch(`${governor.url}/metrics`)).text();
  // The answer is read before the slot is given back.
  await until(async () => /governor_completed_total 1\n/.test(await read()));
  const metrics = await read();
  for (const line of [
    'inflight 0',
    'cap 1',
    'executed_total 1',
    'yielded_total 0',
    'completed_total 1',
    'cancelled_total 0',
  ])
    expect(metrics).toContain(`governor_${line}\n`);
});
