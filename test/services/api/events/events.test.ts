import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import pg from 'pg';
import { replayMax } from '../../../../services/api/events/event-store.ts';
import { recordEvent } from '../../../../services/shared/jobs/events.ts';
import { type Caller, type Harness, startHarness, upload } from '../harness.ts';

let harness: Harness;
let owner: Caller;
let base: string;
let tenantId: string;
beforeAll(async () => {
  harness = await startHarness();
  owner = await harness.owner();
  base = await harness.app.http.listen({ port: 0, host: '127.0.0.1' });
  tenantId = (await owner('GET', '/v1/tenant')).body.id;
});
afterAll(() => harness.close());

interface Watching {
  readonly status: number;
  readonly events: EventSourceMessage[];
  readonly lastId: () => string;
  /** Waits until an event fits. */
  until(fits: (event: EventSourceMessage) => boolean): Promise<EventSourceMessage>;
  ended: Promise<void>;
  close(): Promise<void>;
}

async function secretOf(caller: Caller): Promise<string> {
  return (await caller('POST', '/v1/keys', { name: 'watcher', scopes: ['documents:read'] })).body.secret;
}

async function watch(secret: string, lastEventId?: string): Promise<Watching> {
  const headers = {
    authorization: `Bearer ${secret}`,
    ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
  };
  const request = get(`${base}/v1/events`, { headers, agent: false });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  const events: EventSourceMessage[] = [];
  let lastId = '';
  let look = () => {};
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const parser = createParser({
    onEvent: (event) => {
      events.push(event);
      look();
    },
  });
  const decoder = new TextDecoder();
  const ended = (async () => {
    for await (const chunk of answer) {
      const text = decoder.decode(chunk as Buffer, { stream: true });
      lastId = [...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? lastId;
      parser.feed(text);
      if (lastId) open();
    }
  })().catch(() => {});
  if (answer.statusCode === 200) await opened;
  return {
    status: answer.statusCode ?? 0,
    events,
    lastId: () => lastId,
    until: async (fits) => {
      for (;;) {
        const found = events.find(fits);
        if (found) return found;
        await new Promise<void>((resolve) => {
          look = resolve;
        });
      }
    },
    ended,
    close: async () => {
      request.destroy();
      await ended;
    },
  };
}

const data = (event: EventSourceMessage) => JSON.parse(event.data);
const make = async (name: string) => (await owner('POST', '/v1/brains', { name })).body.id as string;
const isBrain = (id: string) => (event: EventSourceMessage) => event.event === 'brain' && data(event).id === id;

test('what happens is told, with the whole state of what it happened to', async () => {
  const watching = await watch(await secretOf(owner));
  const brain = await make('Told');
  expect(data(await watching.until(isBrain(brain)))).toMatchObject({ name: 'Told', documents: 0 });
  const { body, headers } = upload('text');
  const job = (await owner('POST', `/v1/brains/${brain}/documents`, body, headers)).body;
  const document = await watching.until(({ event }) => event === 'document');
  expect(data(document)).toMatchObject({ id: job.document_id, job: { id: job.id, status: 'queued' } });
  await owner('DELETE', `/v1/documents/${job.document_id}`);
  const deleted = await watching.until(({ event }) => event === 'document.deleted');
  expect(data(deleted)).toEqual({ id: job.document_id, brain_id: brain });
  await watching.close();
});

test('nothing of another tenant, and nothing that is for one person alone', async () => {
  const stranger = await harness.otherTenant();
  const theirs = await watch(await secretOf(stranger));
  const member = await watch(await secretOf(owner));
  const { person } = (await owner('GET', '/v1/me')).body;
  const brain = await make('Ours');
  await member.until(isBrain(brain));
  await recordEvent(harness.db, { tenantId, event: 'brain', resourceId: brain, personId: person.id });
  const last = await make('Last');
  await member.until(isBrain(last));
  // Its making, which is for all; what came after is for the owner.
  expect(member.events.filter(isBrain(brain))).toHaveLength(1);
  expect(theirs.events).toEqual([]);
  await Promise.all([theirs.close(), member.close()]);
});

test('who comes back hears what they missed, and nothing twice', async () => {
  const secret = await secretOf(owner);
  const first = await watch(secret);
  const known = await make('Known');
  await first.until(isBrain(known));
  await first.close();
  const missed = [await make('Missed 1'), await make('Missed 2')];
  const second = await watch(secret, first.lastId());
  for (const id of missed) await second.until(isBrain(id));
  expect(second.events.some(isBrain(known))).toBe(false);
  await second.close();
});

test.each(['nonsense', '1.1', '99999999.99999999'])('an unknown place (%s) means: fetch anew', async (place) => {
  const watching = await watch(await secretOf(owner), place);
  expect((await watching.until(() => true)).event).toBe('reload');
  await watching.close();
});

test('what another tenant missed is not told to who comes back', async () => {
  const stranger = await harness.otherTenant();
  const own = (await stranger('GET', '/v1/tenant')).body.id;
  const secret = await secretOf(stranger);
  const before = await watch(await secretOf(owner));
  const known = await make('Before');
  await before.until(isBrain(known));
  await before.close();
  const missed = await make('Missed');
  const data = { id: missed };
  await recordEvent(harness.db, { tenantId, event: 'brain.deleted', resourceId: missed, data });
  const ours = await watch(await secretOf(owner), before.lastId());
  await ours.until((event) => event.event === 'brain.deleted' && event.data.includes(missed));
  await ours.close();
  const after = await watch(secret, before.lastId());
  await recordEvent(harness.db, { tenantId: own, event: 'brain.deleted', resourceId: own, data: { id: own } });
  await after.until((event) => event.data.includes(own));
  expect(after.events.map((event) => JSON.parse(event.data))).toEqual([{ id: own }]);
  await after.close();
});

test('who missed too much is told to fetch anew', async () => {
  const secret = await secretOf(owner);
  const first = await watch(secret);
  const brain = await make('Busy');
  await first.until(isBrain(brain));
  await first.close();
  await harness.services.query(
    `insert into events (tenant_id, event, resource_id) select $1, 'brain', $2 from generate_series(1, $3)`,
    [tenantId, brain, replayMax + 1],
  );
  const other = await watch(secret);
  await make('After');
  await other.until(() => true);
  const second = await watch(secret, first.lastId());
  expect((await second.until(() => true)).event).toBe('reload');
  await Promise.all([other.close(), second.close()]);
});

test.each(['missed', 'happening at once'])(
  'news that is more than a buffer holds (%s) is one reload, told once',
  async (when) => {
    const secret = await secretOf(owner);
    const first = await watch(secret);
    const known = await make(`Known before ${when}`);
    await first.until(isBrain(known));
    if (when === 'missed') await first.close();
    await harness.services.query(
      `insert into events (tenant_id, event, resource_id, data)
     select $1, 'brain.deleted', gen_random_uuid(), jsonb_build_object('id', repeat('x', 50000)) from generate_series(1, 30)`,
      [tenantId],
    );
    const other = await watch(secret);
    const last = await make(`Last of ${when}`);
    // It may hear of both in one piece, which is one reload.
    await other.until((event) => isBrain(last)(event) || event.event === 'reload');
    const heard = when === 'missed' ? await watch(secret, first.lastId()) : first;
    await heard.until(({ event }) => event === 'reload');
    expect(heard.events.filter(({ event }) => event !== 'brain')).toHaveLength(1);
    // Who comes back from there goes on.
    const after = await watch(secret, heard.lastId());
    const next = await make(`Next of ${when}`);
    await after.until(isBrain(next));
    expect(after.events.filter(({ event }) => event !== 'brain')).toEqual([]);
    await Promise.all([heard.close(), other.close(), after.close()]);
  },
);

test('an event whose transaction commits late is not skipped', async () => {
  const watching = await watch(await secretOf(owner));
  const late = await make('Late');
  await watching.until(isBrain(late));
  await owner('PATCH', `/v1/brains/${late}`, { name: 'settled' });
  const client = new pg.Client({ connectionString: harness.services.databaseUrl });
  await client.connect();
  await client.query('begin');
  await client.query('update brains set name = $1 where id = $2', ['renamed late', late]);
  await client.query("insert into events (tenant_id, event, resource_id) values ($1, 'brain', $2)", [tenantId, late]);
  // Higher id, earlier commit.
  const early = await make('Early');
  await client.query('commit');
  await client.end();
  await watching.until((event) => isBrain(late)(event) && data(event).name === 'renamed late');
  await watching.until(isBrain(early));
  await watching.close();
});

test('events of one transaction are told in their order and once, also where their numbers get a digit more', async () => {
  const secret = await secretOf(owner);
  const earlier = await watch(secret);
  const brains = [await make('1'), await make('2'), await make('3'), await make('4')];
  // Until the hub has told of their making, who comes is told, too.
  await earlier.until(isBrain(brains[3] as string));
  await earlier.close();
  const watching = await watch(secret);
  await harness.services.query("select setval(pg_get_serial_sequence('events', 'id'), 999997)");
  await harness.services.query(
    "insert into events (tenant_id, event, resource_id) select $1, 'brain', unnest($2::uuid[])",
    [tenantId, brains],
  );
  await watching.until(isBrain(brains[3] as string));
  const last = await make('Last of all');
  await watching.until(isBrain(last));
  const told = watching.events.filter(({ event }) => event === 'brain').map((event) => data(event).id);
  expect(told).toEqual([...brains, last]);
  await watching.close();
});

test('a burst about one document is told in few messages, the last with the newest state', async () => {
  const watching = await watch(await secretOf(owner));
  const brain = await make('Burst');
  // In one transaction, so that they are read together however slow the machine is.
  await harness.services.query(
    `with named as (update brains set name = 'Burst 60' where id = $2)
     insert into events (tenant_id, event, resource_id) select $1, 'brain', $2 from generate_series(1, 60)`,
    [tenantId, brain],
  );
  await watching.until((event) => isBrain(brain)(event) && data(event).name === 'Burst 60');
  // Its making, and the burst.
  expect(watching.events.filter(isBrain(brain)).length).toBeLessThanOrEqual(2);
  await watching.close();
});

test('streams end when the service is told to stop', async () => {
  const other = await startHarness();
  const address = await other.app.http.listen({ port: 0, host: '127.0.0.1' });
  const caller = await other.owner();
  const ours = base;
  base = address;
  const watching = await watch(await secretOf(caller));
  base = ours;
  other.app.drain();
  await watching.ended;
  await other.close();
});
