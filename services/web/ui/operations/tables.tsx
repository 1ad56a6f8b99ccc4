/** What stands in tables: replicas, what waits, models, accounts, what runs by the clock. On a phone they scroll by themselves. */
import type { ReactNode } from 'react';
import type { Operations } from '../../../shared/contract/operations.ts';
import { formatFor, type Language } from '../copy/format.ts';
import type { OperationsWords } from './words.ts';

interface TableProps {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly { readonly key: string; readonly cells: readonly ReactNode[] }[];
  readonly none: string;
}

function Table({ title, head, rows, none }: TableProps) {
  return (
    <div>
      <h3 className="mb-2 font-semibold">{title}</h3>
      {rows.length === 0 ? (
        <p className="text-muted">{none}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys.
        <section className="overflow-x-auto rounded-lg border border-line" tabIndex={0} aria-label={title}>
          <table className="w-full text-left text-xs">
            <thead className="text-muted">
              <tr>
                {head.map((cell) => (
                  <th key={cell} scope="col" className="whitespace-nowrap px-3 py-2 font-normal">
                    {cell}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map(({ key, cells }) => (
                <tr key={key} className="border-t border-line">
                  {head.map((column, index) => (
                    <td key={column} className="whitespace-nowrap px-3 py-2">
                      {cells[index]}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </div>
  );
}

/** Above it a person looks, as the alarm does: memoryFullShare of services/metrics.ts, which the page does not carry. */
const fullShare = 0.9;

export function Tables({ data, words, language }: { data: Operations; words: OperationsWords; language: Language }) {
  const format = formatFor(language);
  const { replicas, chat, documents, meters, scheduled } = data;
  const wait = (seconds: number) => (seconds > 0 ? format.duration(seconds * 1000) : '');
  const used = (value: number | null, budget: number | null, show: (one: number) => string) => {
    if (value === null) return '';
    const text = budget ? `${show(value)} ${words.ofBudget(show(budget))}` : show(value);
    return <span className={budget && value > fullShare * budget ? 'font-semibold text-bad' : ''}>{text}</span>;
  };
  const cores = (value: number) => format.number(Math.round(value * 100) / 100 || 0);
  return (
    <div className="flex flex-col gap-8">
      <div>
        <Table
          title={words.replicas}
          head={[words.tier, words.name, words.memory, words.growth, words.cpu, words.errors, words.started]}
          none={words.none}
          rows={replicas.map((one) => ({
            key: `${one.tier} ${one.name}`,
            cells: [
              one.tier,
              one.name,
              used(one.memory_bytes, one.memory_budget_bytes, format.bytes),
              one.memory_growth_bytes_per_hour ? words.perHour(format.bytes(one.memory_growth_bytes_per_hour)) : '',
              used(one.cpu_cores, one.cpu_budget_cores, cores),
              format.number(one.errors_per_minute),
              [format.ago(one.started_at), one.version].filter(Boolean).join(', '),
            ],
          }))}
        />
        <p className="mt-2 text-xs text-muted">{words.silent}</p>
      </div>
      <Table
        title={words.waiting}
        head={[words.band, words.jobs, words.pagesWaiting, words.pagesGranted, words.wait]}
        none={words.none}
        rows={documents.bands.map((one) => ({
          key: one.band,
          cells: [
            one.band,
            format.number(one.jobs_waiting),
            format.number(one.pages_waiting),
            format.number(one.pages_granted),
            wait(one.oldest_wait_seconds),
          ],
        }))}
      />
      <Table
        title={`${words.waiting}: ${words.tenant}`}
        head={[words.tenant, words.pagesLeft, words.pagesGranted, words.wait]}
        none={words.none}
        rows={documents.tenants.map((one) => ({
          key: one.tenant_id,
          cells: [
            one.name,
            format.number(one.pages_left),
            format.number(one.pages_granted),
            wait(one.oldest_wait_seconds),
          ],
        }))}
      />
      <Table
        title={words.endpoints}
        head={[words.endpoint, words.inUse]}
        none={words.none}
        rows={chat.model_endpoints.map((one) => ({
          key: one.endpoint,
          cells: [one.endpoint, `${format.number(one.slots_in_use)} ${words.ofBudget(format.number(one.slots))}`],
        }))}
      />
      <Table
        title={words.meters}
        head={[words.account, words.left, words.state]}
        none={meters ? words.none : words.redisAway}
        rows={(meters ?? []).map((one) => ({
          key: `${one.account} ${one.unit}`,
          cells: [
            `${one.account}: ${one.unit}`,
            `${format.number(one.left)} ${words.ofBudget(format.number(one.limit_per_minute))}`,
            one.factor < 1 ? words.slowed(format.percent(one.factor)) : '',
          ],
        }))}
      />
      <Table
        title={words.scheduled}
        head={[words.task, words.state, words.started, words.next]}
        none={words.none}
        rows={scheduled.map((one) => ({
          key: one.name,
          cells: [
            one.name,
            <span key="state" className={one.status === 'failed' ? 'font-semibold text-bad' : ''}>
              {words.states[one.status]}
              {one.error && `: ${one.error}`}
            </span>,
            one.started_at && format.ago(one.started_at),
            one.next_run_at && format.time(one.next_run_at),
          ],
        }))}
      />
    </div>
  );
}
