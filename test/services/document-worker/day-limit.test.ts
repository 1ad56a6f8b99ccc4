/** The operator hears of a limit of the day before anybody is refused. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { definitionOf } from '../../../services/manifest.ts';
import { metrics } from '../../../services/metrics.ts';
import { type Bench, openBench } from './fixture.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

interface Rule {
  readonly alert?: string;
  readonly expr: string;
}
const rulesPath = new URL('../../../docs/monitoring/prometheus-rules.yaml', import.meta.url);
const rules: Rule[] = parse(readFileSync(rulesPath, 'utf8')).groups.flatMap(({ rules }: { rules: Rule[] }) => rules);

/** What a worker says that starts now: each remembers for a minute. */
async function figureOf(name: string): Promise<number> {
  const worker = await bench.startWorker();
  while ((await worker.app.http.inject('/readyz')).statusCode !== 200) await sleep(50);
  const { body } = await worker.app.http.inject('/metrics');
  await worker.close(30_000);
  return Number(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'm').exec(body)?.[1]);
}

test('above 80 % of a limit both alarms ring, and below it neither', async () => {
  const worker = await bench.startWorker();
  for (let read = 0; read < 5; read += 1) {
    const { jobId } = await bench.submit(Buffer.from(`Page ${read} of five.`), 'text/plain');
    await bench.until(jobId, ({ status }) => status === 'succeeded');
  }
  await worker.close(30_000);

  const rule = rules.find(({ alert }) => alert === 'DocumentWorkerDayLimit');
  const [, name = '', above] = /^max \((\w+)\) > (\d+)$/.exec(rule?.expr ?? '') ?? [];
  const alarm = definitionOf('document-worker').alarms?.find(({ id }) => id === 'day-limit');
  // One figure under two names.
  const figure = Object.values(metrics).find(({ prometheus }) => prometheus === name);
  expect(alarm).toMatchObject({ metric: figure && 'cloudwatch' in figure && figure.cloudwatch, above: Number(above) });

  const rings = async (pagesPerDayMax: number) => {
    await bench.services.query('update environment_limits set pages_per_day_max = $1', [pagesPerDayMax]);
    return (await figureOf(name)) > Number(above);
  };
  expect([await rings(7), await rings(6)]).toEqual([false, true]);
  expect(await figureOf(name)).toBeCloseTo((100 * 5) / 6, 3);
}, 180_000);
