/** What was measured, in numbers; the same reports are printed, kept as JSON and compared. Pure. */

/** What became of one question. */
export interface Outcome {
  readonly id: string;
  readonly question: string;
  readonly group: string;
  readonly answerable: boolean;
  /** Rank of the first passage where the answer stands, from 1; null: not among those found. */
  readonly rank: number | null;
  readonly searchMs: number;
  /** Absent when nothing was asked. */
  readonly answer?: {
    /** The answerer says that the documents do not answer. */
    readonly refused: boolean;
    /** The first citation is where the answer stands. */
    readonly citedRight: boolean;
    readonly ms: number;
  };
}

/** Shares are from 0 to 1; null: there was no such question. */
export interface Scores {
  readonly questions: number;
  readonly unanswerable: number;
  readonly hit_1: number | null;
  readonly hit_5: number | null;
  readonly hit_10: number | null;
  /** Mean reciprocal rank, of the first 10. */
  readonly mrr: number | null;
  /** Of answerable questions: answered, and the first citation is right. */
  readonly cited_right: number | null;
  /** Of unanswerable questions: refused. */
  readonly refused_right: number | null;
  /** Of answerable questions: refused. */
  readonly refused_wrong: number | null;
  readonly search_ms_p50: number | null;
  readonly search_ms_p95: number | null;
  readonly answer_ms_p50: number | null;
  readonly answer_ms_p95: number | null;
}
export type Measure = keyof Scores;

export interface Report {
  readonly format: 1;
  readonly name: string;
  readonly made_at: string;
  readonly all: Scores;
  /** Empty when the questions name none. */
  readonly groups: Readonly<Record<string, Scores>>;
  readonly outcomes: readonly Outcome[];
}

export function toReport(name: string, outcomes: readonly Outcome[]): Report {
  const groups = [...new Set(outcomes.map(({ group }) => group))].filter((group) => group !== '').sort();
  return {
    format: 1,
    name,
    made_at: new Date().toISOString(),
    all: scoresOf(outcomes),
    groups: Object.fromEntries(groups.map((each) => [each, scoresOf(outcomes.filter(({ group }) => group === each))])),
    outcomes,
  };
}

export function scoresOf(outcomes: readonly Outcome[]): Scores {
  const answerable = outcomes.filter((outcome) => outcome.answerable);
  const unanswerable = outcomes.filter((outcome) => !outcome.answerable);
  const asked = (list: readonly Outcome[]) => list.flatMap(({ answer }) => answer ?? []);
  const hit = (places: number) => share(answerable, ({ rank }) => rank !== null && rank <= places);
  const answers = asked(outcomes).map(({ ms }) => ms);
  const searches = outcomes.map(({ searchMs }) => searchMs);
  return {
    questions: outcomes.length,
    unanswerable: unanswerable.length,
    hit_1: hit(1),
    hit_5: hit(5),
    hit_10: hit(10),
    mrr: mean(answerable.map(({ rank }) => (rank === null ? 0 : 1 / rank))),
    cited_right: share(asked(answerable), ({ refused, citedRight }) => !refused && citedRight),
    refused_right: share(asked(unanswerable), ({ refused }) => refused),
    refused_wrong: share(asked(answerable), ({ refused }) => refused),
    search_ms_p50: percentile(searches, 0.5),
    search_ms_p95: percentile(searches, 0.95),
    answer_ms_p50: percentile(answers, 0.5),
    answer_ms_p95: percentile(answers, 0.95),
  };
}

const mean = (values: readonly number[]) =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;

const share = <Item>(items: readonly Item[], is: (item: Item) => boolean) =>
  mean(items.map((item) => Number(is(item))));

/** Nearest rank. */
function percentile(values: readonly number[], part: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? null;
}

/** The shares that are kept: more is better, but for wrong refusals. Latency depends on the machine. */
export const keptMeasures = ['hit_1', 'hit_5', 'mrr', 'cited_right', 'refused_right', 'refused_wrong'] as const;
export type KeptScores = Readonly<Record<(typeof keptMeasures)[number], number | null>>;

/** What is worse than `kept` by more than `dropMax`, a share, in words. */
export function drops(kept: KeptScores, now: KeptScores, dropMax: number): string[] {
  return keptMeasures.flatMap((measure) => {
    const [before, after] = [kept[measure], now[measure]];
    if (before === null || after === null) return [];
    const lost = measure === 'refused_wrong' ? after - before : before - after;
    // A share of n questions is not exact in binary.
    if (lost <= dropMax + 1e-9) return [];
    return [`${measure} was ${before.toFixed(3)} and is ${after.toFixed(3)}`];
  });
}

export const toKept = (scores: Scores): KeptScores =>
  Object.fromEntries(
    keptMeasures.map((measure) => [measure, scores[measure] === null ? null : Number(scores[measure].toFixed(4))]),
  ) as KeptScores;
