/** `GET /v1/usage`. */
import { routes } from '../../shared/contract/routes.ts';
import {
  type UsageRow,
  usageDayMin,
  usageDaysDefault,
  usageDaysMax,
  usageRow,
  usageRowsMax,
} from '../../shared/contract/usage.ts';
import { serve } from '../../shared/http/http.ts';
import { ProblemError } from '../../shared/http/problem.ts';
import { usageBetween } from '../../shared/ledger/usage.ts';
import type { Api } from '../context.ts';

export function serveUsage({ app, db }: Api): void {
  serve(app, routes.getUsage, async ({ identity, query: { by, format, ...given }, request, reply }) => {
    const to = given.to ?? dayOf(Date.now());
    const from = given.from ?? dayOf(Date.parse(to) - (usageDaysDefault - 1) * dayMs);
    // The default too may lie before it, and PostgreSQL knows no year 0.
    if (from < usageDayMin)
      throw new ProblemError(
        'bad-request',
        `The first day is ${given.from ?? `${usageDaysDefault - 1} days before ${to}`}, allowed are ${usageDayMin} and later. Name a later from.`,
      );
    const days = (Date.parse(to) - Date.parse(from)) / dayMs + 1;
    if (days < 1 || days > usageDaysMax)
      throw new ProblemError(
        'bad-request',
        `from ${from} to ${to} are ${days} days, allowed are 1 to ${usageDaysMax}.`,
      );
    const { brain, model, key } = given;
    const asked = { from, to, by, brain, model, key, rowsMax: usageRowsMax + 1 };
    const data = await usageBetween(db, identity.tenantId, asked);
    if (data.length > usageRowsMax)
      throw new ProblemError(
        'bad-request',
        `These are more than ${usageRowsMax} sums. Ask for fewer days, or split them by less than ${by.join(', ')}.`,
      );
    if (format ? format === 'json' : !/^text\/csv\b/i.test(request.headers.accept ?? ''))
      return { object: 'usage' as const, from, to, by, data };
    return reply
      .type('text/csv; charset=utf-8')
      .header('content-disposition', `attachment; filename="usage-${from}-${to}.csv"`)
      .header('vary', 'accept')
      .send(Buffer.from(toCsv(data)));
  });
}

const columns = Object.keys(usageRow.shape) as (keyof UsageRow)[];

/** As RFC 4180 says. A name that a spreadsheet would run as a formula is quoted with a tick, as OWASP advises. */
function toCsv(rows: readonly UsageRow[]): string {
  const cell = (value: string | number | null) => {
    const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value ?? '');
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows.map((row) => columns.map((column) => row[column]))]
    .map((line) => `${line.map(cell).join(',')}\r\n`)
    .join('');
}

const dayMs = 86_400_000;
const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
