import { expect, test } from '@jest/globals';
import { capacityOf } from '../../../../environments/capacity/model.ts';
import { builtInTraces } from '../../../../environments/capacity/simulation/built-in-traces.ts';
import { hoursOf, percentile, reportSvg, reportText } from '../../../../environments/capacity/simulation/report.ts';
import { simulate } from '../../../../environments/capacity/simulation/simulate.ts';
import { type Arrival, arrivalsOf } from '../../../../environments/capacity/simulation/trace.ts';
import { resolveEnvironment } from '../../../../environments/environment.ts';
import { sample } from '../../sample.ts';

const environment = resolveEnvironment(sample());
const options = { seed: 1, scalingOf: () => undefined };
const usd = { least: 1, perWorker: 0.5, perChat: 0.25, workers: 1, chats: 1, perAnswer: 0.01 };

test.each([0.5, 2])('one document with all of a worker of %d vCPU takes as long as the model says', (vcpu) => {
  const tiers = { 'document-worker': { platform: 'ecs', vcpu, memoryMiB: 4096, parserChildren: 4 } };
  const sized = resolveEnvironment(sample({ tiers } as never));
  // Grants of 50 pages, as many as children, until the last.
  const run = simulate(sized, [{ atMs: 0, tenant: 't', kind: 'document', pages: 2000 }], options);
  const worker = capacityOf(sized).limits.find(({ part }) => part === 'document-worker CPU');
  expect(run.documents.endMs / 1000).toBeCloseTo((2000 * 60) / (worker?.value ?? 0), 3);
});

test('hours add up to the day, and cost their replicas and answers', () => {
  const run = simulate(environment, builtInTraces.quiet(1), options);
  const hours = hoursOf(run, { ...usd, workers: 0, chats: 0 });
  expect(hours).toHaveLength(24);
  expect(hours.reduce((sum, { documents }) => sum + documents, 0)).toBe(2000);
  expect(hours.reduce((sum, { questions }) => sum + questions, 0)).toBe(2000);
  const answered = run.chats.questions.filter(({ waitMs }) => waitMs !== undefined).length;
  const inAll = hours.reduce((sum, hour) => sum + hour.usd, 0);
  const worked = (run.documents.endMs + run.chats.endMs / 2) / 3_600_000 / 2;
  expect(inAll).toBeCloseTo(24 + worked + answered * 0.01, 1);
});

test('a report and a picture say what happened', () => {
  const questions = Array.from(
    { length: 100 },
    (_, index): Arrival => ({ atMs: 0, tenant: `t${index}`, kind: 'question' }),
  );
  const run = simulate(environment, questions, options);
  const text = reportText(run, usd);
  expect(text).toMatch(/\n100 +\d+ +\d+ +\d\d+ /);
  expect(text).toMatch(/by the answers: USD \d+\.\d\d per 1,000/);
  expect(reportText(run, { ...usd, perAnswer: undefined })).toContain("Without the model's tokens");
  const svg = reportSvg(run, 'herd');
  expect(svg).toContain('>test: herd</text>');
  expect(svg.match(/<polyline/g)).toHaveLength(6);
  // Also where a figure is always 0.
  expect(svg).not.toMatch(/NaN|e-\d/);
});

test('a percentile is the value that so many are at or below', () => {
  expect([0.5, 0.95, 1].map((share) => percentile([4, 1, 3, 2], share))).toEqual([2, 4, 4]);
  expect(percentile([], 0.5)).toBe(0);
});

test('a trace is read in the order of its times; a line that is not valid is named', () => {
  const line = (seconds: string, kind: string, pages: string) => ({ seconds, tenant: 'a', kind, pages });
  expect(arrivalsOf([line('2', 'document', '7'), line('1', 'question', '')])).toEqual([
    { atMs: 1000, tenant: 'a', kind: 'question' },
    { atMs: 2000, tenant: 'a', kind: 'document', pages: 7 },
  ]);
  expect(() => arrivalsOf([line('1', 'question', ''), line('2', 'document', '')])).toThrow(
    /^line 3 of the trace is not valid:\n.*a document has pages from 1/s,
  );
  expect(() => arrivalsOf([])).toThrow('given a trace without a line; allowed: seconds,tenant,kind,pages');
});

test('a swap under way is refused', () => {
  const place = { platform: 'ecs', vcpu: 0.5, memoryMiB: 1024 } as const;
  const swapping = resolveEnvironment(
    sample({ tiers: { 'document-worker': [place, { ...place, platform: 'vm' }] } as never }),
  );
  expect(() => simulate(swapping, [], options)).toThrow(
    'document-worker has 2 placements; a simulation takes 1: end the swap',
  );
});
