/** Ready means warm: what replicas ask themselves before they say that they are ready, and what is left of it. */
import { afterAll, beforeAll, expect } from '@jest/globals';
import pg from 'pg';
import { bench } from '../../environments/bench.ts';
import { routes } from '../../services/shared/contract/routes.ts';
import { type ModelServer, modelHere, says, startModelServer } from '../services/chat/models/model-server.ts';
import { testWith } from '../support/skip.ts';
import { type ContainerDeployment, startContainers } from './deployment.ts';
import { lacksPodman, podman } from './podman.ts';

const test = testWith(lacksPodman);

let deployment: ContainerDeployment;
let model: ModelServer;
beforeAll(async () => {
  if (lacksPodman) return;
  model = await startModelServer('0.0.0.0');
  model.behave(says('The documents do not say.'));
  deployment = await startContainers({
    ...bench,
    chatModel: modelHere(model.port),
    tiers: { ...bench.tiers, governor: { platform: 'ecs', vcpu: 0.25, memoryMiB: 256, maxInFlight: 2 } },
  });
  // Images may have to be built first, and each wait within ends before it, so that what was started is taken down.
}, 900_000);
afterAll(async () => {
  await deployment?.close();
  await model?.close();
});

const ways: Readonly<Record<string, readonly string[]>> = {
  web: ['GET /'],
  api: ['GET /v1/brains'],
  chat: ['GET /v1/chat/conversations', 'POST /v1/chat/conversations/…/turns'],
  vectorstore: ['POST /brains/…/search'],
};

test('a tier is warm when it says that it is ready, and whoever it asked as for that is gone', async () => {
  for (const name of Object.keys(ways)) await expectWarm(name);
  // The owner and their tenant.
  expect(
    await rowsOf(`select (select count(*)::int from tenants) as tenants, (select count(*)::int from people) as people,
      (select count(*)::int from turns) as turns, (select count(*)::int from ledger) as ledger`),
  ).toEqual([{ tenants: 1, people: 1, turns: 0, ledger: 0 }]);
});

test('chat that answers by a model is warm without having asked it', async () => {
  expect(model.requests).toEqual([]);
  const { owner } = deployment;
  const brain = (await owner.call(routes.createBrain, { body: { name: 'empty' } })).id;
  const conversation = (await owner.call(routes.createConversation, { body: { brain_id: brain } })).id;
  const headers = { origin: deployment.url };
  const body = { question: 'What do the documents say?' };
  const answer = await owner.send(routes.createTurn, { params: { conversation }, body, headers });
  expect(await answer.text()).toContain('The documents do not say.');
  expect(model.requests.map(({ model: name }) => name)).toEqual(['told']);
  // By way of the governor, which stands in a container of its own before the model.
  expect(await deployment.metric('governor', 'governor_executed_total')).toBe(1);
});

test('chat without a model is warm too', async () => {
  Object.assign(deployment.compose.services.chat?.environment as object, { MODEL_URL: '', MODEL_NAME: '' });
  await deployment.replace('chat');
  await expectWarm('chat');
});

async function expectWarm(name: string): Promise<void> {
  const lines = await logOf(name);
  const walked = lines
    .filter(({ warmingUp }) => warmingUp)
    .map(({ method, url, status }) => `${method} ${url?.split('?')[0]?.replace(/[0-9a-f-]{36}/, '…')} ${status}`);
  expect({
    name,
    walked: [...new Set(walked)],
    faults: lines.filter(({ msg }) => msg?.includes('not warmed up')),
  }).toEqual({ name, walked: ways[name]?.map((way) => `${way} 200`), faults: [] });
}

interface Line {
  readonly msg?: string;
  readonly method?: string;
  readonly url?: string;
  readonly status?: number;
  readonly warmingUp?: true;
}

/** Asked of PostgreSQL itself. */
async function rowsOf(sql: string): Promise<unknown[]> {
  const [host] = await deployment.addresses('postgres');
  const password = deployment.compose.services.postgres?.environment.POSTGRES_PASSWORD;
  const client = new pg.Client({ host, user: 'bulkhead', database: 'bulkhead', password });
  await client.connect();
  const { rows } = await client.query(sql).finally(() => client.end());
  return rows;
}

async function logOf(name: string): Promise<Line[]> {
  const text = await podman('logs', deployment.container(name));
  return text.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Line] : []));
}
