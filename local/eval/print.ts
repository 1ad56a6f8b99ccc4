/** Reports as text: a line per measure, a column per report. Pure. */
import type { Measure, Outcome, Report, Scores } from './report.ts';

const labels: Readonly<Record<Measure, string>> = {
  questions: 'questions',
  unanswerable: 'of them unanswerable',
  hit_1: 'hit@1',
  hit_5: 'hit@5',
  hit_10: 'hit@10',
  mrr: 'MRR@10',
  cited_right: 'cited page right',
  refused_right: 'unanswerable refused',
  refused_wrong: 'answerable refused',
  search_ms_p50: 'search p50 (ms)',
  search_ms_p95: 'search p95 (ms)',
  answer_ms_p50: 'answer p50 (ms)',
  answer_ms_p95: 'answer p95 (ms)',
};
const measures = Object.keys(labels) as Measure[];

/** Side by side, the first one first. */
export function printReports(reports: readonly Report[]): string {
  const blocks = [table('all', reports, ({ all }) => all)];
  const groups = [...new Set(reports.flatMap((report) => Object.keys(report.groups)))];
  for (const group of groups) blocks.push(table(group, reports, (report) => report.groups[group]));
  const [before, after] = reports;
  if (before && after) blocks.push(changes(before, after));
  return blocks.join('\n\n');
}

function table(title: string, reports: readonly Report[], scores: (report: Report) => Scores | undefined): string {
  const rows = [[title, ...reports.map(({ name }) => name)]];
  for (const measure of measures) {
    const values = reports.map((report) => scores(report)?.[measure] ?? null);
    if (values.every((value) => value === null)) continue;
    rows.push([labels[measure], ...values.map((value) => shown(measure, value))]);
  }
  const widths = (rows[0] as string[]).map((_, at) => Math.max(...rows.map((row) => (row[at] as string).length)));
  return rows
    .map((row) =>
      row
        .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] as number) : cell.padStart(widths[at] as number)))
        .join('  '),
    )
    .join('\n');
}

function shown(measure: Measure, value: number | null): string {
  if (value === null) return '-';
  if (measure === 'questions' || measure === 'unanswerable') return String(value);
  return measure.includes('_ms_') ? value.toFixed(1) : value.toFixed(3);
}

/** More of them tell a reader nothing new. */
const changesMax = 20;

function changes(before: Report, after: Report): string {
  const then = new Map(before.outcomes.map((outcome) => [outcome.question, outcome]));
  const lines = after.outcomes.flatMap((now) => {
    const old = then.get(now.question);
    if (!old || right(old) === right(now)) return [];
    return [`${right(now) ? '+' : '-'} ${now.question}`];
  });
  const more = lines.length > changesMax ? [`... and ${lines.length - changesMax} more`] : [];
  return [
    `right now and wrong before (+), or the other way round (-): ${lines.length}`,
    ...lines.slice(0, changesMax),
    ...more,
  ].join('\n');
}

function right({ answerable, rank, answer }: Outcome): boolean {
  if (!answerable) return answer?.refused ?? true;
  return answer ? !answer.refused && answer.citedRight : rank === 1;
}
