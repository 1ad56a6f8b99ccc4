/** What the tenant used on each of the last days, as bars; the figures stand in a table for those who do not see them. */
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { UsageRow } from '../../../shared/contract/usage.ts';
import { useCopy } from '../copy/index.tsx';
import { call } from '../data/http.ts';
import { keys } from '../data/keys.ts';
import { LoadError, Skeleton } from '../parts/states.tsx';
import { type UsageFilter, UsageFilters } from './usage-filters.tsx';

export function UsageByDay() {
  const copy = useCopy();
  const words = copy.settings.usage;
  const [filter, setFilter] = useState<UsageFilter>({});
  const query = new URLSearchParams(filter).toString();
  const { data, error, refetch } = useQuery({
    queryKey: [...keys.usage, query],
    queryFn: () => call('GET /v1/usage', { query: { ...filter, by: 'day' } }),
    staleTime: 0,
    placeholderData: keepPreviousData,
  });
  if (error) return <LoadError error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton />;
  const days = daysBetween(data.from, data.to);
  const wasted = amountOf(['wasted_pages', 'wasted_tokens']);
  const charts = [
    { title: words.pages, show: words.number, value: amountOf(['pages']) },
    { title: words.questions, show: words.number, value: amountOf(['question']) },
    {
      title: words.tokens,
      show: words.number,
      value: amountOf(['model_tokens_in', 'model_tokens_out', 'embedding_tokens']),
    },
    { title: words.cost, show: words.money, value: ({ cost_usd }: UsageRow) => cost_usd },
    ...(data.data.some((row) => wasted(row) > 0) ? [{ title: words.wasted, show: words.number, value: wasted }] : []),
  ];
  const unpriced = data.data.some(({ unpriced_entries }) => unpriced_entries > 0);
  return (
    <section className="mt-10">
      <div className="mb-4 flex flex-wrap items-baseline justify-between gap-x-4 gap-y-2">
        <h2 className="text-base font-semibold">{words.title(days.length)}</h2>
        <a
          className="text-accent underline underline-offset-2"
          href={`/v1/usage?format=csv&by=day,brain,model,key&${query}`}
          download
        >
          {words.table}
        </a>
      </div>
      <UsageFilters filter={filter} onChange={setFilter} />
      <div className="grid gap-4 sm:grid-cols-2">
        {charts.map(({ title, show, value }) => (
          <Bars key={title} title={title} show={show} values={sumByDay(days, data.data, value)} />
        ))}
      </div>
      {unpriced && <p className="mt-3 text-xs text-muted">{words.unpriced}</p>}
    </section>
  );
}

interface BarsProps {
  readonly title: string;
  readonly show: (value: number) => string;
  readonly values: readonly { readonly day: string; readonly value: number }[];
}

function Bars({ title, show, values }: BarsProps) {
  const copy = useCopy();
  const sum = values.reduce((total, { value }) => total + value, 0);
  const most = Math.max(...values.map(({ value }) => value), Number.MIN_VALUE);
  return (
    <figure className="rounded-lg border border-line bg-surface p-4">
      <figcaption className="text-xs text-muted">{title}</figcaption>
      <p className="mt-1 text-base font-semibold">{show(sum)}</p>
      <div className="mt-3 flex h-16 items-end gap-px" aria-hidden="true">
        {values.map(({ day, value }) => (
          <div key={day} title={`${day}: ${show(value)}`} className="flex h-full flex-1 items-end">
            <div
              className={`w-full rounded-t-sm ${value > 0 ? 'bg-accent' : 'bg-line'}`}
              style={{ height: value > 0 ? `max(3px, ${(value / most) * 100}%)` : '1px' }}
            />
          </div>
        ))}
      </div>
      <table className="sr-only">
        <caption>{title}</caption>
        <thead>
          <tr>
            <th>{copy.settings.usage.day}</th>
            <th>{title}</th>
          </tr>
        </thead>
        <tbody>
          {values
            .filter(({ value }) => value > 0)
            .map(({ day, value }) => (
              <tr key={day}>
                <td>{day}</td>
                <td>{show(value)}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </figure>
  );
}

const amountOf =
  (kinds: readonly string[]) =>
  ({ kind, amount }: UsageRow) =>
    kinds.includes(kind) ? amount : 0;

const dayMs = 86_400_000;

function daysBetween(from: string, to: string): string[] {
  const count = Math.round((Date.parse(to) - Date.parse(from)) / dayMs) + 1;
  return Array.from({ length: count }, (_, index) =>
    new Date(Date.parse(from) + index * dayMs).toISOString().slice(0, 10),
  );
}

function sumByDay(days: readonly string[], rows: readonly UsageRow[], value: (row: UsageRow) => number) {
  return days.map((day) => ({
    day,
    value: rows.reduce((sum, row) => (row.day === day ? sum + value(row) : sum), 0),
  }));
}
