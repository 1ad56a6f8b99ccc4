/** Who is indexed next when many wait: no stream of small documents, and no tenant, keeps others waiting. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nextToIndex, type Waiting } from '../../../../services/document-worker/index/index-order.ts';
import { pdfOf } from '../documents.ts';
import { type Bench, openBench } from '../fixture.ts';
import { openGate } from './gate.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

test('a larger document and another tenant wait for those before them, not for all small ones that come after', async () => {
  const gate = await openGate(bench.env.VECTORSTORE_URL);
  gate.letThrough(0);
  const worker = await bench.startWorker({}, { VECTORSTORE_URL: gate.url });
  try {
    const small = () => bench.submit(Buffer.from('One short page.'), 'text/plain');
    const first = [await small(), await small()];
    await gate.until(({ held }) => held >= first.length);
    const larger = await bench.submit(await pdfOf(['one', 'two', 'three', 'four']));
    const after = await Promise.all(Array.from({ length: 8 }, small));
    const other = await bench.submit(Buffer.from('Of somebody else.'), 'text/plain', await bench.newPlace());
    const all = [...first, larger, ...after, other];
    for (const { jobId } of all) await bench.until(jobId, ({ stage }) => stage === 'indexing');
    gate.letThrough(Number.POSITIVE_INFINITY);
    for (const { jobId } of all) await bench.until(jobId, ({ status }) => status === 'succeeded');
    // An epoch is the time of a run's begin.
    const rows = await bench.services.query('select id from documents order by index_epoch');
    const begun = (rows as { id: string }[]).map(({ id }) => id);
    const place = ({ documentId }: { documentId: string }) => begun.indexOf(documentId) - first.length;
    expect([place(larger) < 3, place(other) < 3]).toEqual([true, true]);
  } finally {
    gate.letThrough(Number.POSITIVE_INFINITY);
    await worker.close(30_000);
    await gate.close();
  }
}, 180_000);

test('tenants take turns, whatever waits', () => {
  const tenants = fc.array(fc.array(fc.boolean(), { maxLength: 12 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(tenants, fc.integer({ min: 1, max: 3 }), (loads, slots) => {
      let left: Waiting[] = loads.flatMap((documents, tenant) =>
        documents.map((heavy, place) => ({
          id: `${String(place).padStart(2, '0')}-${tenant}`,
          documentId: '',
          tenantId: String(tenant),
          heavy,
        })),
      );
      const served = new Map<string, number>();
      const underWay: Waiting[] = [];
      const light = (tenant: string) => left.some((one) => one.tenantId === tenant && !one.heavy);
      for (let turn = 1; left.length > 0; turn += 1) {
        if (underWay.length >= slots) underWay.shift();
        const next = nextToIndex(left, underWay, served);
        // Only that another heavy one is under way keeps one back.
        if (!next) {
          expect([left.every(({ heavy }) => heavy), underWay.some(({ heavy }) => heavy)]).toEqual([true, true]);
          underWay.shift();
          continue;
        }
        expect(next.heavy && underWay.some(({ heavy }) => heavy)).toBe(false);
        const turns = (tenant: string) => served.get(tenant) ?? 0;
        const running = (tenant: string) => underWay.filter(({ tenantId }) => tenantId === tenant).length;
        // Nobody with a light document waiting has fewer under way and an older turn.
        for (const tenant of new Set(left.map(({ tenantId }) => tenantId)))
          if (light(tenant) && running(tenant) <= running(next.tenantId))
            expect(running(tenant) < running(next.tenantId) || turns(tenant) < turns(next.tenantId)).toBe(false);
        left = left.filter((one) => one !== next);
        served.set(next.tenantId, turn);
        underWay.push(next);
      }
    }),
  );
});
