/** For operators of the installation: how it does now, beside what its sheet predicted, and in the last 24 hours. */
import { useQuery } from '@tanstack/react-query';
import type { Operations as Report } from '../../../shared/contract/operations.ts';
import { formatFor, type Language } from '../copy/format.ts';
import { useWords } from '../copy/index.tsx';
import { call } from '../data/http.ts';
import { LoadError, Skeleton } from '../parts/states.tsx';
import { History } from './history.tsx';
import { Tables } from './tables.tsx';
import { type OperationsWords, wordsOf } from './words.ts';

/** Replicas tell every ten seconds. */
const everyMs = 5000;

export default function Operations() {
  const { language } = useWords();
  const words = wordsOf(language);
  const { data, error, refetch } = useQuery({
    queryKey: ['operations'],
    queryFn: () => call('GET /v1/operations'),
    refetchInterval: everyMs,
    staleTime: 0,
  });
  if (error && !data) return <LoadError error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton />;
  return (
    <div className="flex flex-col gap-8">
      <dl className="grid grid-cols-2 gap-4 lg:grid-cols-3">
        {figuresOf(data, words, language).map(({ title, value, beside }) => (
          <div key={title} className="rounded-lg border border-line bg-surface p-4">
            <dt className="text-xs text-muted">{title}</dt>
            <dd className="mt-1 text-base font-semibold">{value}</dd>
            <dd className="mt-1 text-xs text-muted">{beside}</dd>
          </div>
        ))}
      </dl>
      {data.predicted && <p className="text-xs text-muted">{cpuText(data, data.predicted, words, language)}</p>}
      <section aria-label={words.history}>
        <h3 className="mb-2 font-semibold">{words.history}</h3>
        <History words={words} />
      </section>
      <Tables data={data} words={words} language={language} />
    </div>
  );
}

/** Whether this machine does what the predictions take it to do. */
function cpuText(
  { cpu }: Report,
  { cpu: there }: NonNullable<Report['predicted']>,
  words: OperationsWords,
  language: Language,
) {
  if (cpu.factor !== null) return words.cpuFactor(cpu.model, formatFor(language).percent(cpu.factor), there);
  return cpu.model === there ? words.sameCpu(there) : words.cpuUnknown(cpu.model, there);
}

function figuresOf(
  { api, chat, documents, replicas, spending, predicted }: Report,
  words: OperationsWords,
  language: Language,
) {
  const format = formatFor(language);
  const beside = (value: string | null | undefined) => (value == null ? words.noPrediction : words.predicted(value));
  const number = (value: number | undefined) => (value === undefined ? undefined : format.number(value));
  const seconds = (value: number | null) => (value === null ? '–' : `${format.number(value)} s`);
  const both = ({ p50, p95 }: { p50: number | null; p95: number | null }) => `${seconds(p50)} / ${seconds(p95)}`;
  const oldest = Math.max(0, ...documents.bands.map((band) => band.oldest_wait_seconds));
  const errors = replicas.reduce((sum, { errors_per_minute: each }) => sum + each, 0);
  const last = replicas.toSorted((a, b) => b.started_at.localeCompare(a.started_at))[0];
  return [
    {
      title: words.slots,
      value: `${format.number(chat.slots_in_use)} ${words.ofBudget(format.number(chat.slots))}`,
      beside: beside(number(predicted?.chats_at_once)),
    },
    {
      title: words.answers,
      value: format.number(chat.answers_per_minute),
      beside: beside(number(predicted?.chats_per_minute)),
    },
    {
      title: words.yields,
      value: format.number(chat.yields_per_minute),
      beside: beside(predicted && words.atMost(format.number(predicted.yields_per_minute))),
    },
    {
      title: words.firstToken,
      value: both(chat.first_token_seconds),
      beside: beside(predicted && words.withoutModel(both(predicted.first_token_seconds))),
    },
    {
      title: words.fullAnswer,
      value: both(chat.full_answer_seconds),
      beside: beside(predicted ? `${format.number(predicted.answer_seconds)} s` : undefined),
    },
    {
      title: words.requests,
      value: format.number(api.requests_per_second),
      beside: beside(number(predicted?.api_requests_per_second)),
    },
    {
      title: words.pages,
      value: format.number(documents.pages_per_minute),
      beside: beside(number(predicted?.pages_per_minute)),
    },
    {
      title: words.oldest,
      value: oldest > 0 ? format.duration(oldest * 1000) : words.none,
      beside: beside(predicted ? `p95 ${format.number(predicted.light_wait_p95_seconds)} s` : undefined),
    },
    { title: words.errors, value: format.number(errors), beside: beside(number(predicted?.errors_per_minute)) },
    {
      title: words.today,
      value: format.money(spending.today_usd),
      beside: spending.usd_per_day_max === null ? '' : words.cap(format.money(spending.usd_per_day_max)),
    },
    {
      title: words.month,
      value: format.money(spending.month_usd),
      beside: [
        predicted?.monthly_ceiling_usd ? words.ceiling(format.money(predicted.monthly_ceiling_usd)) : '',
        spending.unpriced_entries > 0 ? words.unpriced(format.number(spending.unpriced_entries)) : '',
      ]
        .filter(Boolean)
        .join('; '),
    },
    {
      title: words.lastStart,
      value: last ? format.ago(last.started_at) : words.none,
      beside: last ? [last.tier, last.version].filter(Boolean).join(', ') : '',
    },
  ];
}
