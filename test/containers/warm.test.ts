/** Ready means warm: what replicas ask themselves before they say that they are ready, and what is left of it. */
import { afterAll, beforeAll, expect } from '@jest/globals';
import pg from 'pg';
import { bench } from '../../stacks/environments/bench.ts';
import { testWith } from '../skip.ts';
import { type ContainerHouse, startContainers } from './house.ts';
import { lacksPodman, podman } from './podman.ts';

const test = testWith(lacksPodman);

let house: ContainerHouse;
beforeAll(async () => {
  if (lacksPodman) return;
  house = await startContainers(bench);
}, 300_000);
afterAll(async () => {
  await house?.close();
}, 60_000);

test('a tier is warm when it says that it is ready, and whoever it asked as for that is gone', async () => {
  for (const [name, paths] of Object.entries({
    web: ['GET /'],
    api: ['GET /v1/brains'],
    chat: ['GET /v1/chat/conversations', 'POST /v1/chat/conversations/…/turns'],
    vectorstore: ['POST /brains/…/search'],
  })) {
    const lines = await logOf(name);
    const walked = lines.filter(({ warmingUp }) => warmingUp);
    const ways = walked.map(
      ({ method, url, status }) => `${method} ${url?.split('?')[0]?.replace(/[0-9a-f-]{36}/, '…')} ${status}`,
    );
    expect({
      name,
      ways: [...new Set(ways)],
      faults: lines.filter(({ msg }) => msg?.includes('not warmed up')),
    }).toEqual({
      name,
      ways: paths.map((path) => `${path} 200`),
      faults: [],
    });
  }
  // The owner and their tenant.
  expect(
    await rowsOf(`select (select count(*)::int from tenants) as tenants, (select count(*)::int from people) as people,
      (select count(*)::int from turns) as turns`),
  ).toEqual([{ tenants: 1, people: 1, turns: 0 }]);
});

interface Line {
  readonly msg?: string;
  readonly method?: string;
  readonly url?: string;
  readonly status?: number;
  readonly warmingUp?: true;
}

/** Asked of PostgreSQL itself. */
async function rowsOf(sql: string): Promise<unknown[]> {
  const [host] = await house.addresses('postgres');
  const password = house.compose.services.postgres?.environment.POSTGRES_PASSWORD;
  const client = new pg.Client({ host, user: 'bulkhead', database: 'bulkhead', password });
  await client.connect();
  const { rows } = await client.query(sql).finally(() => client.end());
  return rows;
}

async function logOf(name: string): Promise<Line[]> {
  const text = await podman('logs', house.container(name));
  return text.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Line] : []));
}
