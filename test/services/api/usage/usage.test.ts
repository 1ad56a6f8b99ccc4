/** What a tenant used, as the ledger has it. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { type EntryKind, entryOf, recordEntries } from '../../../../services/shared/ledger/ledger.ts';
import { type Caller, type Harness, startHarness } from '../harness.ts';

let harness: Harness;
let owner: Caller;
let tenantId: string;
const [brain, other] = [uuidv7(), uuidv7()];
beforeAll(async () => {
  harness = await startHarness();
  owner = await harness.owner();
  tenantId = (await owner('GET', '/v1/tenant')).body.id;
  await charge('2026-03-01T00:00:00Z', brain, 'pages', 12, 0);
  await charge('2026-03-01T23:59:59.999Z', other, 'pages', 30, 0);
  await charge('2026-03-02T00:00:00Z', brain, 'model_tokens_in', 1000, 0.25, 'small');
  await charge('2026-03-02T08:00:00Z', brain, 'model_tokens_in', 500, null, 'large');
  await charge('2026-03-02T09:00:00Z', other, 'model_tokens_in', 2000, 0.5, 'small');
});
afterAll(() => harness.close());

async function charge(
  at: string,
  brainId: string,
  kind: EntryKind,
  amount: number,
  costUsd: number | null,
  model: string | null = null,
) {
  const entry = { ...entryOf('answer', uuidv7(), [], kind, amount, costUsd), model };
  await recordEntries(harness.db, { tenantId, brainId }, [entry]);
  await harness.services.query('update ledger set created_at = $1 where key = $2', [at, entry.key]);
}

const usage = async (query: string) => (await owner('GET', `/v1/usage?from=2026-03-01&to=2026-03-02${query}`)).body;
const none = { day: null, brain_id: null, model: null, api_key_id: null, repeated_amount: 0 };

test('days are those of UTC, with all of them', async () => {
  expect(await usage('')).toEqual({
    object: 'usage',
    from: '2026-03-01',
    to: '2026-03-02',
    by: ['day'],
    data: [
      { ...none, day: '2026-03-01', kind: 'pages', unit: 'pages', amount: 42, cost_usd: 0, unpriced_entries: 0 },
      {
        ...none,
        day: '2026-03-02',
        kind: 'model_tokens_in',
        unit: 'tokens',
        amount: 3500,
        cost_usd: 0.75,
        unpriced_entries: 1,
      },
    ],
  });
});

test('sums are split by brain and model, and add up to the whole', async () => {
  const { data } = await usage('&by=brain,model');
  const tokens = { ...none, kind: 'model_tokens_in', unit: 'tokens', unpriced_entries: 0 };
  expect(data).toEqual([
    { ...tokens, brain_id: brain, model: 'large', amount: 500, cost_usd: 0, unpriced_entries: 1 },
    { ...tokens, brain_id: brain, model: 'small', amount: 1000, cost_usd: 0.25 },
    { ...tokens, brain_id: brain, kind: 'pages', unit: 'pages', amount: 12, cost_usd: 0 },
    { ...tokens, brain_id: other, model: 'small', amount: 2000, cost_usd: 0.5 },
    { ...tokens, brain_id: other, kind: 'pages', unit: 'pages', amount: 30, cost_usd: 0 },
  ]);
});

test('one brain, one model or one key alone', async () => {
  const key = uuidv7();
  const entry = { ...entryOf('answer', uuidv7(), [], 'model_tokens_out', 7, 0.1), model: '=evil()', repeated: true };
  await recordEntries(harness.db, { tenantId, brainId: brain, keyId: key }, [entry]);
  await harness.services.query('update ledger set created_at = $1 where key = $2', ['2026-03-02T10:00:00Z', entry.key]);
  const tokens = { ...none, unit: 'tokens', unpriced_entries: 0 };
  const out = { ...tokens, kind: 'model_tokens_out', amount: 7, repeated_amount: 7, cost_usd: 0.1 };
  expect((await usage(`&by=key&key=${key}`)).data).toEqual([{ ...out, api_key_id: key }]);
  expect((await usage(`&by=model&model=small&brain=${other}`)).data).toEqual([
    { ...tokens, model: 'small', kind: 'model_tokens_in', amount: 2000, cost_usd: 0.5 },
  ]);
  const csv = [
    'day,brain_id,api_key_id,model,kind,unit,amount,repeated_amount,cost_usd,unpriced_entries',
    `,,${key},'=evil(),model_tokens_out,tokens,7,7,0.1,0`,
    '',
  ].join('\r\n');
  const path = `/v1/usage?from=2026-03-01&to=2026-03-02&by=key,model&key=${key}`;
  const byFormat = await owner('GET', `${path}&format=csv`);
  expect([byFormat.headers['content-type'], String(byFormat.body)]).toEqual(['text/csv; charset=utf-8', csv]);
  expect(String((await owner('GET', path, undefined, { accept: 'text/csv' })).body)).toBe(csv);
  await harness.services.query('delete from ledger where key = $1', [entry.key]);
});

test('another tenant sees none of it, and the last 30 days are the default', async () => {
  const stranger = await harness.otherTenant();
  expect((await stranger('GET', '/v1/usage?from=2026-03-01&to=2026-03-02')).body.data).toEqual([]);
  const { from, to, data } = (await owner('GET', '/v1/usage')).body;
  expect((Date.parse(to) - Date.parse(from)) / 86_400_000).toBe(29);
  expect(to).toBe(new Date().toISOString().slice(0, 10));
  expect(data).toEqual([]);
});

test.each([
  ['from=2026-03-02&to=2026-03-01', 'from 2026-03-02 to 2026-03-01 are 0 days, allowed are 1 to 366.'],
  ['from=2024-01-01&to=2026-03-01', 'from 2024-01-01 to 2026-03-01 are 791 days, allowed are 1 to 366.'],
])('%s is refused', async (query, detail) => {
  const { status, body } = await owner('GET', `/v1/usage?${query}`);
  expect([status, body.detail]).toEqual([400, detail]);
});

test.each(['by=hour', 'by=', 'from=yesterday'])('%s is refused with the field at fault', async (query) => {
  const { status, body } = await owner('GET', `/v1/usage?${query}`);
  expect([status, body.errors[0].path.split('/')[1]]).toEqual([400, query.split('=')[0]]);
});
