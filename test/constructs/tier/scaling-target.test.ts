/** What replicas publish, in the arithmetic that CloudWatch is given: both ends of one figure. */
import { afterEach, expect, jest, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { type MetricQuery, scalingTarget } from '../../../constructs/tier/scaling-target.ts';
import { definitionOf } from '../../../services/manifest.ts';
import { type FigureSettings, publishFigures } from '../../../services/shared/figures/publish-figures.ts';
import type { Logger } from '../../../services/shared/log.ts';
import { context, placement } from '../platforms/harness.ts';

const settings: FigureSettings = { ENVIRONMENT: context.environment, REPLICA: 'a', VERSION: '1' };
type Line = Readonly<Record<string, number[]>>;

afterEach(() => {
  jest.useRealTimers();
});

/** The line of a minute that one replica of the document-worker writes. */
async function lineOf(pages: number): Promise<Line> {
  const lines: Line[] = [];
  const log = { info: (line: Line) => lines.push(line), warn: () => undefined } as unknown as Logger;
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'performance'] });
  const stop = publishFigures<'document-worker'>({
    registry: new Registry(),
    log,
    tier: 'document-worker',
    settings,
    figures: { pagesGrantedAndWaiting: () => pages, dayLimitUsed: () => 0, pagesRead: () => 0 },
  });
  // Seconds of its clock; a minute that is still read when the next sample is due takes longer.
  for (let second = 0; second < 600 && lines.length === 0; second++) {
    jest.advanceTimersByTime(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  jest.useRealTimers();
  await stop();
  return lines[0] as Line;
}

/** What CloudWatch makes of the queries: each value of a line is a sample, and names stand for one another's results. */
function evaluated(queries: readonly MetricQuery[], lines: readonly Line[]): number {
  const result: Record<string, number> = {};
  for (const { id, metricStat, expression, returnData } of queries) {
    const samples = metricStat ? lines.flatMap((line) => line[metricStat.metric.metricName] ?? []) : [];
    if (metricStat?.stat === 'SampleCount') result[id] = samples.length;
    else if (metricStat?.stat === 'Average')
      result[id] = samples.reduce((sum, value) => sum + value, 0) / samples.length;
    else result[id] = new Function(...Object.keys(result), `return ${expression}`)(...Object.values(result)) as number;
    if (returnData) return result[id];
  }
  throw new Error('no query returns data');
}

test('pages of the whole tier are shared by the replicas that publish them', async () => {
  const service = 'document-worker';
  const target = scalingTarget({
    service,
    definition: definitionOf(service),
    placement: placement({ replicas: { min: 1, max: 4 } }),
    context,
  } as unknown as Parameters<typeof scalingTarget>[0]);
  if (!target || 'cpu' in target) throw new Error('the document-worker scales on pages');
  const one = await lineOf(800);
  const other = await lineOf(800);
  expect(target.value).toBe(200);
  expect(evaluated(target.metrics, [one])).toBe(800);
  expect(evaluated(target.metrics, [one, other])).toBe(400);
});
