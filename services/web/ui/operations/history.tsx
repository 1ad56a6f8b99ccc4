/** The last 24 hours as charts. */
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { OperationsHistory } from '../../../shared/contract/operations.ts';
import { call } from '../data/http.ts';
import { LoadError, Skeleton } from '../parts/states.tsx';
import { HistoryChart } from './history-chart.tsx';
import type { OperationsWords } from './words.ts';

const everyMs = 60_000;
const MiB = 2 ** 20;

const charts = [
  { id: 'chats', metrics: ['slotsInUse', 'yields'], scale: 1 },
  { id: 'documents', metrics: ['pagesGrantedAndWaiting', 'pagesRead'], scale: 1 },
  { id: 'seconds', metrics: ['firstToken_p95', 'fullAnswer_p95'], scale: 1 },
  { id: 'memory', metrics: ['memory'], scale: 1 / MiB },
  { id: 'cpu', metrics: ['cpu'], scale: 1 },
  { id: 'errors', metrics: ['errors'], scale: 1 },
] as const;

export function History({ words }: { words: OperationsWords }) {
  const { data, error, refetch } = useQuery({
    queryKey: ['operations', 'history'],
    queryFn: () => call('GET /v1/operations/history'),
    refetchInterval: everyMs,
    staleTime: 0,
  });
  const drawn = useMemo(() => (data ? chartsOf(data, words) : []), [data, words]);
  if (error && !data) return <LoadError error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton />;
  if (drawn.length === 0) return <p className="text-muted">{words.noHistory}</p>;
  return (
    <div className="grid gap-4 lg:grid-cols-2">
      {drawn.map((chart) => (
        <HistoryChart key={chart.title} {...chart} />
      ))}
    </div>
  );
}

function chartsOf({ minutes, series }: OperationsHistory, words: OperationsWords) {
  const times = minutes.map((minute) => Date.parse(minute) / 1000);
  return charts.flatMap(({ id, metrics, scale }) => {
    const lines = series
      .filter(({ metric }) => (metrics as readonly string[]).includes(metric))
      .map(({ metric, tier, values }) => ({
        // What only one tier tells is named by what it is, what every tier tells by the tier.
        label: words.series[metric] ?? tier,
        values: values.map((value) => (value === null ? null : value * scale)),
      }));
    if (lines.length === 0) return [];
    const summary = lines
      .map(({ label, values }) => {
        const most = Math.max(0, ...values.filter((value) => value !== null));
        return `${label} ${words.highest(most.toPrecision(3))}`;
      })
      .join(', ');
    return [{ title: words.figures[id], times, lines, summary }];
  });
}
