/** When a model is left alone, and when not: it failed, its governor is full, the one call that tries it hangs. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import type { Turn } from '../../../../services/shared/contract/chat.ts';
import { type Governor, startGovernor } from '../../governor/fixture.ts';
import type { TestBrain } from '../../vectorstore/fixture.ts';
import {
  allEvents,
  type ChatUnderTest,
  events,
  openChat,
  type Person,
  type StreamedEvent,
  startChat,
  type TestChat,
  until,
} from '../fixture.ts';
import { type ModelServer, pages, says, startModelServer } from './model-server.ts';

let opened: ChatUnderTest;
let model: ModelServer;
/** Behind the governor. */
let governed: ModelServer;
let second: ModelServer;
let governor: Governor;
let chat: TestChat;
let brain: TestBrain;
let person: Person;
beforeAll(async () => {
  opened = await openChat({ model: false });
  [model, governed, second] = await Promise.all([startModelServer(), startModelServer(), startModelServer()]);
  governor = await startGovernor({ backend: { url: `${governed.url}/chat/completions` } });
  ({ brain, person } = await opened.brainOf(pages));
});
beforeEach(async () => {
  second.behave(says('Fourteen days, the second says [1].'));
  // Nothing is to end by a time limit here.
  const modelTimeouts = { firstTokenMs: 120_000, tokenMs: 120_000 };
  chat = await startChat(opened.services, opened.search, {
    modelTimeouts,
    settings: {
      GOVERNOR_URL: governor.url,
      GOVERNOR_BACKEND_URL: `${governed.url}/chat/completions`,
      MODELS: JSON.stringify([
        { name: 'alone', url: model.url, contextTokens: 4000 },
        { name: 'small', url: model.url, contextTokens: 4000, fallback: 'large' },
        { name: 'governed', url: governed.url, contextTokens: 4000 },
        { name: 'replaceable', url: governed.url, contextTokens: 4000, fallback: 'large' },
        { name: 'large', url: second.url, contextTokens: 4000 },
      ]),
    },
  });
});
afterEach(async () => {
  jest.restoreAllMocks();
  await chat.close();
});
afterAll(async () => {
  await governor.stop();
  await Promise.all([model, governed, second].map((server) => server.close()));
  await opened.close();
});

const setModel = (name: string) =>
  opened.search.db.updateTable('brains').set({ model: name }).where('id', '=', brain.brainId).execute();
const begin = async () => chat.ask(person, await chat.newConversation(person, brain), 'How long do refunds take?');
const ask = async () => allEvents(await begin());
const endOf = (all: readonly StreamedEvent[]) => all.at(-1)?.data as Turn;
const inFlight = async (count: number) =>
  new RegExp(`chat_inflight ${count}\n`).test(await (await fetch(`${chat.url}/metrics`)).text());

/** Answers that end when the test says so. */
function hold(server = model) {
  const held: (() => void)[] = [];
  server.behave(async (stream, request) => {
    await new Promise<void>((resolve) => held.push(resolve));
    if (!stream.gone) await says('Fourteen days [1].')(stream, request);
  });
  return held;
}

async function openCircuit() {
  model.behave(({ response }) => void response.writeHead(500).end('{}'));
  for (const _ of [1, 2, 3, 4, 5]) await ask();
}

/** The rest is over; meanwhile the clock was set, or not. */
function afterRest(clockSetMs = 0) {
  const [monotonic, clock] = [performance.now.bind(performance), Date.now.bind(Date)];
  jest.spyOn(performance, 'now').mockImplementation(() => monotonic() + 10_001);
  jest.spyOn(Date, 'now').mockImplementation(() => clock() + 10_001 + clockSetMs);
}

const leftAlone = "'alone' failed 5 times in a row; it is asked again in a few seconds.";

test('a full governor is heard as its yield, and switches the model off for nobody', async () => {
  await setModel('governed');
  const held = hold(governed);
  const first = await begin();
  await until(() => held.length === 1);
  const refused = await Promise.all([1, 2, 3, 4, 5].map(ask));
  for (const all of refused)
    expect(all.at(-1)).toMatchObject({
      event: 'error',
      data: {
        code: 'yield',
        status: 'yield',
        detail: "'governed' is busy: it answered 503 All 1 requests that go on at a time are under way.",
        retry_hint_ms: expect.any(Number),
      },
    });
  expect(held).toHaveLength(1);
  held[0]?.();
  for await (const _ of events(first));
  governed.behave(says('Fourteen days [1].'));
  await until(() => governor.gate.inFlight === 0);
  expect(endOf(await ask())).toMatchObject({ answer: 'Fourteen days [1].' });
});

test('while the governor is full, the fallback answers', async () => {
  await setModel('replaceable');
  const held = hold(governed);
  const first = await begin();
  await until(() => held.length === 1);
  const turn = endOf(await ask());
  expect(turn).toMatchObject({ status: 'done', answerer: { name: 'large' } });
  held[0]?.();
  expect(endOf(await allEvents(first)).answerer.name).toBe('replaceable');
});

test.each([
  ['are refused', 'alone', { code: 'model-failed', detail: leftAlone }],
  ['are answered by the fallback', 'small', { status: 'done', answerer: { name: 'large' } }],
])('one question tries a model that failed; the others do not wait for it: they %s', async (_what, name, ending) => {
  await setModel(name);
  await openCircuit();
  afterRest();
  const held = hold();
  const { value: first } = await events(await begin()).next();
  await until(() => held.length === 1);
  expect((await ask()).at(-1)?.data).toMatchObject(ending);
  expect(held).toHaveLength(1);
  expect(await inFlight(1)).toBe(true);
  // Who leaves says nothing of the model: the next question tries it.
  await chat.call(person, 'POST', `/v1/chat/turns/${first?.data.id}:stop`);
  await until(() => inFlight(0));
  model.behave(says('Fourteen days [1].'));
  expect(endOf(await ask())).toMatchObject({ answer: 'Fourteen days [1].', answerer: { name } });
});

test('a clock that is set back does not prolong the rest of a model', async () => {
  await setModel('alone');
  await openCircuit();
  model.behave(says('Fourteen days [1].'));
  expect((await ask()).at(-1)?.data.detail).toBe(leftAlone);
  afterRest(-3_600_000);
  expect(endOf(await ask())).toMatchObject({ answer: 'Fourteen days [1].' });
});
