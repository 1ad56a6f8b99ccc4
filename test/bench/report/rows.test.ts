/** What a bench says about its figures: none is held that was not measured. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { latencyRows, type Measured, memoryRows } from '../isolation/rows.ts';
import { isDisturbed, type Latencies } from '../load/probe.ts';
import {
  atMost,
  must,
  onQuietMachine,
  passes,
  type Row,
  setAsideRow,
  setAsideShareMax,
  summary,
  table,
  told,
} from './rows.ts';

const figure = (value: number, baseline: number | null = null) => ({
  row: 'D1',
  name: 'time',
  value,
  unit: 's',
  baseline,
});
const verdicts = (rows: readonly Row[]) => rows.map(({ verdict }) => verdict);
const missing = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

describe('a figure', () => {
  test('is held up to its goal', () => {
    expect(verdicts([atMost(2, figure(2)), atMost(2, figure(2.01)), atMost(2, figure(1), [])])).toEqual([
      'holds',
      'FAILS',
      'holds',
    ]);
    expect([must('all', true, figure(1)), must('all', false, figure(1))]).toMatchObject([
      { goal: 'all', verdict: 'holds' },
      { goal: 'all', verdict: 'FAILS' },
    ]);
  });

  test('that is a time is told where others run beside it, unless it is missing', () => {
    const [slow, none] = [atMost(2, figure(3)), atMost(2, figure(Number.NaN))];
    expect(verdicts([onQuietMachine(true, slow), onQuietMachine(false, slow), onQuietMachine(true, none)])).toEqual([
      'told',
      'FAILS',
      'MISSING',
    ]);
  });

  test.each(missing)('of %d is missing, whatever was meant with it, and so is one whose baseline is', (value) => {
    const rows = [value, 1].flatMap((own) => {
      const it = figure(own, own === 1 ? value : null);
      return [
        atMost(2, it),
        must('all', true, it),
        told('one start', it),
        setAsideRow(it, [{ counted: 0, setAside: 0 }]),
      ];
    });
    expect(verdicts(rows)).toEqual(rows.map(() => 'MISSING'));
    for (const one of rows) expect(passes([one])).toBe(false);
  });

  test('held against a limit that is missing is missing', () => {
    expect(atMost(Number.NaN, figure(1)).verdict).toBe('MISSING');
  });

  test('that is only told says so and counts as nothing else', () => {
    const row = told('too few calls to judge', figure(99));
    expect(row).toMatchObject({ goal: 'told: too few calls to judge', verdict: 'told' });
    expect(told(null, figure(99)).goal).toBe('told');
    expect(summary([row, atMost(2, figure(1)), atMost(2, figure(3))])).toBe('1 held, 1 failed, 1 told');
    expect(told(null, figure(1), '3 calls failed')).toMatchObject({ goal: 'told: 3 calls failed', verdict: 'FAILS' });
  });

  test('of a tail that may have been set aside is not measured', () => {
    const from = (setAside: number) => [
      { counted: 95, setAside: 0 },
      { counted: 95, setAside },
    ];
    expect(atMost(2, figure(1), from(5)).verdict).toBe('holds');
    expect(atMost(2, figure(1), from(6)).verdict).toBe('TOO NOISY');
  });
});

describe('a run', () => {
  test('passes only when everything is there and holds', () => {
    const good = [atMost(2, figure(1)), told(null, figure(1))];
    expect(passes(good)).toBe(true);
    expect(passes([...good, atMost(2, figure(3))])).toBe(false);
    expect(passes([...good, told(null, figure(Number.NaN))])).toBe(false);
    expect(passes([])).toBe(false);
  });

  test('of which an eighth was set aside fails as not measured', () => {
    const row = setAsideRow(figure(0), [{ counted: 875, setAside: 125 }]);
    expect(row).toMatchObject({ value: 12.5, unit: '%', goal: '<= 5: too noisy, not measured', verdict: 'TOO NOISY' });
    expect(passes([row])).toBe(false);
    expect(setAsideRow(figure(0), [{ counted: 95, setAside: 5 }])).toMatchObject({
      value: 5,
      goal: '<= 5',
      verdict: 'holds',
    });
  });

  test('says each figure in a line', () => {
    expect(table([atMost(2, figure(1.23456, 3)), told(null, figure(Number.NaN))]).split('\n')).toEqual([
      'row  name  value   goal  baseline',
      'D1   time  1.23 s  <= 2  3 s       holds',
      'D1   time  NaN s   told            MISSING',
    ]);
  });
});

describe('a call', () => {
  test('is set aside when others used a fraction of what a simple one takes, or a fiftieth of a long one', () => {
    expect([isDisturbed(5, 1), isDisturbed(5, 1.1), isDisturbed(2000, 40), isDisturbed(2000, 41)]).toEqual([
      false,
      true,
      false,
      true,
    ]);
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e5, noNaN: true }),
        fc.double({ min: 0, max: 1e3, noNaN: true }),
        (ms, used) => {
          // Slower, with as much beside it: no sooner set aside.
          if (!isDisturbed(ms, used)) expect(isDisturbed(ms * 2, used)).toBe(false);
        },
      ),
    );
  });
});

describe('isolation', () => {
  const calls = (timesMs: readonly number[], more: Partial<Latencies> = {}): Latencies => ({
    timesMs,
    disturbed: 0,
    failed: 0,
    ...more,
  });
  const alike = calls(Array.from({ length: 100 }, () => 5));
  const measured = (loaded: Partial<Record<'api' | 'chat', Latencies>>, load = 'documents'): Measured => ({
    latencies: { idle: { api: alike, chat: alike }, [load]: loaded },
    memory: {},
  });
  const named = (rows: readonly Row[], part: string) => rows.filter(({ name }) => name.includes(part));

  test('holds its ratios, but with --quick only tells them', () => {
    const slow = measured({ api: calls(alike.timesMs.map((ms) => 3 * ms)), chat: alike });
    const full = latencyRows(['documents'], slow, undefined, false);
    expect(named(full, 'median of api, documents saturated against idle')).toMatchObject([
      { value: 3, verdict: 'FAILS' },
    ]);
    expect(named(full, 'median of chat, documents saturated against idle')).toMatchObject([
      { value: 1, verdict: 'holds' },
    ]);
    expect(passes(full)).toBe(false);
    const quick = named(latencyRows(['documents'], slow, undefined, true), 'against idle');
    expect(quick).toHaveLength(6);
    expect(verdicts(quick)).toEqual(quick.map(() => 'told'));
  });

  test('has no first token beside a saturated vectorstore when all its calls were set aside, and fails for it', () => {
    const rows = latencyRows(
      ['vectorstore'],
      measured({ api: alike, chat: calls([], { disturbed: 80 }) }, 'vectorstore'),
      undefined,
      false,
    );
    const chat = rows.filter(({ name }) => name.includes('vectorstore') && name.includes('chat'));
    expect(chat).toHaveLength(6);
    expect(verdicts(chat)).toEqual(chat.map(() => 'MISSING'));
    expect(named(rows, 'set aside')).toMatchObject([{ verdict: 'TOO NOISY' }]);
    expect(passes(rows)).toBe(false);
  });

  test('fails when calls fail, however fast', () => {
    const rows = latencyRows(['documents'], measured({ api: calls(alike.timesMs, { failed: 1 }) }), undefined, false);
    expect(named(rows, 'simple api call, documents saturated')).toMatchObject(
      ['median', 'p95', 'p99'].map(() => ({ goal: 'told: 1 calls failed', verdict: 'FAILS' })),
    );
  });

  test('does not judge by calls of which too many were set aside', () => {
    const noisy = measured({ api: calls(alike.timesMs, { disturbed: Math.ceil(setAsideShareMax * 100) + 1 }) });
    const rows = latencyRows(['documents'], noisy, undefined, false);
    expect(named(rows, 'p95 of api, documents saturated against idle')).toMatchObject([{ verdict: 'TOO NOISY' }]);
  });

  test('a container whose memory nobody saw fits no budget', () => {
    const memory = {
      api: { idle: Number.NaN, load: 90, budget: 512 },
      gateway: { idle: 1, load: 1, budget: Number.NaN },
    };
    expect(verdicts(memoryRows({ latencies: {}, memory }))).toEqual(['MISSING', 'holds', 'MISSING', 'MISSING']);
  });
});
