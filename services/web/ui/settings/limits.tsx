/** What the tenant may use, and what it has used. */
import { useQuery } from '@tanstack/react-query';
import type { Tenant } from '../../../shared/contract/people.ts';
import { useCopy } from '../copy/index.tsx';
import { call } from '../data/http.ts';
import { keys } from '../data/keys.ts';
import { CircleAlert, TriangleAlert } from '../parts/icons.tsx';
import { LoadError, Skeleton } from '../parts/states.tsx';
import { UsageByDay } from './usage.tsx';

export default function Limits() {
  const {
    data: tenant,
    error,
    refetch,
  } = useQuery({
    queryKey: keys.tenant,
    queryFn: () => call('GET /v1/tenant'),
    staleTime: 0,
  });
  if (error) return <LoadError error={error} onRetry={() => void refetch()} />;
  if (!tenant) return <Skeleton />;
  return (
    <>
      <p className="mb-6 text-muted">{tenant.name}</p>
      <Usage tenant={tenant} />
      <UsageByDay />
    </>
  );
}

/** From here on it is told. The operator's alarm for the limits of an environment rises here too. */
const nearShare = 0.8;

function shareOf(used: number, max: number | null): number {
  if (max === null) return 0;
  return max > 0 ? Math.min(1, used / max) : 1;
}

/** The day of a limit is one of UTC. */
const tomorrowMs = () => new Date().setUTCHours(24, 0, 0, 0);

/** Quotas as figures and bars. */
export function Usage({ tenant: { usage, quotas } }: { tenant: Tenant }) {
  const copy = useCopy();
  const words = copy.settings.quota;
  const kept = [
    { label: words.documents, used: usage.documents, max: quotas.documents_max, show: words.numberOf },
    { label: words.bytes, used: usage.bytes, max: quotas.bytes_max, show: words.bytesOf },
  ];
  const today = [
    { label: words.pages, used: usage.pages_today, max: quotas.pages_per_day_max, show: words.numberOf },
    { label: words.questions, used: usage.questions_today, max: quotas.questions_per_day_max, show: words.numberOf },
    { label: words.tokens, used: usage.tokens_today, max: quotas.tokens_per_day_max, show: words.numberOf },
    { label: words.usd, used: usage.usd_today, max: quotas.usd_per_day_max, show: words.moneyOf },
  ];
  const rows = [
    ...kept.map((row) => ({ ...row, reached: words.reached })),
    ...today.map((row) => ({ ...row, reached: words.reachedToday(tomorrowMs()) })),
  ];
  return (
    <dl className="grid gap-4 sm:grid-cols-2">
      {rows.map(({ label, used, max, show, reached }) => {
        const text = words.of(show(used), max === null ? null : show(max));
        const share = shareOf(used, max);
        return (
          <div key={label} className="rounded-lg border border-line bg-surface p-4">
            <dt className="text-xs text-muted">{label}</dt>
            <dd className="mt-1 text-base font-semibold">
              {text}
              {max !== null && (
                <div
                  role="progressbar"
                  aria-label={label}
                  aria-valuemin={0}
                  aria-valuemax={100}
                  aria-valuenow={Math.round(share * 100)}
                  aria-valuetext={text}
                  className="mt-3 h-1 overflow-hidden rounded-full bg-line"
                >
                  <div
                    className={`h-full ${share >= 1 ? 'bg-bad' : 'bg-accent'}`}
                    style={{ width: `${share * 100}%` }}
                  />
                </div>
              )}
              {share >= 1 ? (
                <p className="mt-2 flex gap-2 text-xs font-normal text-bad">
                  <CircleAlert size={16} className="shrink-0" aria-hidden="true" />
                  {reached}
                </p>
              ) : (
                share >= nearShare && (
                  <p className="mt-2 flex gap-2 text-xs font-normal text-warn">
                    <TriangleAlert size={16} className="shrink-0" aria-hidden="true" />
                    {words.near(Math.floor(share * 100) / 100)}
                  </p>
                )
              )}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}
