/** The quotas of documents and bytes, raced by 20 callers: exactly what is allowed gets in, and nothing leaks. */
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type Answer, type Caller, type Harness, startHarness, upload } from '../harness.ts';

let harness: Harness;
let operator: Caller;
let owner: Caller;
let tenant: string;
let brain: string;
beforeAll(async () => {
  harness = await startHarness();
  operator = await harness.owner();
});
beforeEach(async () => {
  owner = await harness.otherTenant();
  tenant = (await owner('GET', '/v1/tenant')).body.id;
  brain = (await owner('POST', '/v1/brains', { name: 'raced' })).body.id;
});
afterAll(() => harness.close());

const allow = (quotas: object) => operator('PATCH', `/v1/tenants/${tenant}`, { quotas });
const usage = async () => (await owner('GET', '/v1/tenant')).body.usage;

/** Each is 1000 bytes. */
function send(name: string, headers: Record<string, string> = {}): Promise<Answer> {
  const { body, headers: type } = upload(name.padEnd(1000, '.'), `${name}.txt`);
  return owner('POST', `/v1/brains/${brain}/documents`, body, { ...type, ...headers });
}

/** 20 at once; those that got in, after making sure that the others were told of the quota. */
async function race(round: string): Promise<Answer[]> {
  const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => send(`${round} ${index}`)));
  const accepted = answers.filter(({ status }) => status === 202);
  for (const answer of answers)
    if (!accepted.includes(answer)) expect([answer.status, answer.body.code]).toEqual([429, 'quota']);
  return accepted;
}

async function expectStored(count: number): Promise<void> {
  expect(await usage()).toMatchObject({ documents: count, bytes: count * 1000 });
  const folder = fileURLToPath(harness.services.documentStoreUrl);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.parentPath.includes(tenant));
  const deleted = 'select id from documents where tenant_id = $1 and deleted_at is not null';
  expect(files).toHaveLength(count + (await harness.services.query(deleted, [tenant])).length);
}

const limits = { documents: { documents_max: 7 }, bytes: { bytes_max: 7999 } };

test.each(Object.entries(limits))(
  'of %s: exactly 7 of 20 get in, and what is deleted is free again',
  async (_, limit) => {
    await allow(limit);
    const accepted = await race('first');
    expect(accepted).toHaveLength(7);
    await expectStored(7);
    expect(await race('none')).toEqual([]);
    const gone = accepted.slice(0, 3).map(({ body }) => body.document_id);
    await Promise.all(gone.map((id) => owner('DELETE', `/v1/documents/${id}`)));
    expect(await race('second')).toHaveLength(3);
    await expectStored(7);
  },
  60_000,
);

test.each(Object.entries(limits))(
  'of %s: what is refused, known already or canceled takes nothing',
  async (_, limit) => {
    await allow(limit);
    for (let index = 0; index < 6; index += 1) expect((await send(`kept ${index}`)).status).toBe(202);
    const { body: full } = await send('last');
    const key = { 'idempotency-key': 'once' };
    expect((await send('refused', key)).status).toBe(429);
    // A canceled reading keeps its document: only its deletion makes room.
    expect((await owner('POST', `/v1/jobs/${full.id}:cancel`)).status).toBeLessThan(300);
    expect((await send('in its place')).status).toBe(429);
    await owner('DELETE', `/v1/documents/${full.document_id}`);

    const empty = upload('');
    const refusals = Array.from({ length: 10 }, () =>
      owner('POST', `/v1/brains/${brain}/documents`, empty.body, empty.headers),
    );
    const repeats = Array.from({ length: 10 }, () => send('kept 0'));
    for (const { status } of await Promise.all(refusals)) expect(status).toBeGreaterThanOrEqual(400);
    for (const { status } of await Promise.all(repeats)) expect(status).toBe(200);
    await expectStored(6);
    // The refused key was not used up by its refusal; repeated at once it is still one document.
    const again = await Promise.all(Array.from({ length: 20 }, () => send('refused', key)));
    expect(again.filter(({ status }) => status === 202).length).toBeGreaterThan(0);
    await expectStored(7);
  },
  60_000,
);
