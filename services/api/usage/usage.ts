/** `GET /v1/usage`. */
import { routes } from '../../shared/contract/routes.ts';
import { usageDaysDefault, usageDaysMax, usageRowsMax } from '../../shared/contract/usage.ts';
import { serve } from '../../shared/http/http.ts';
import { ProblemError } from '../../shared/http/problem.ts';
import { usageBetween } from '../../shared/ledger/usage.ts';
import type { Api } from '../context.ts';

export function serveUsage({ app, db }: Api): void {
  serve(app, routes.getUsage, async ({ identity, query: { by, ...given } }) => {
    const to = given.to ?? dayOf(Date.now());
    const from = given.from ?? dayOf(Date.parse(to) - (usageDaysDefault - 1) * dayMs);
    const days = (Date.parse(to) - Date.parse(from)) / dayMs + 1;
    if (days < 1 || days > usageDaysMax)
      throw new ProblemError(
        'bad-request',
        `from ${from} to ${to} are ${days} days, allowed are 1 to ${usageDaysMax}.`,
      );
    const data = await usageBetween(db, identity.tenantId, { from, to, by, rowsMax: usageRowsMax + 1 });
    if (data.length > usageRowsMax)
      throw new ProblemError(
        'bad-request',
        `These are more than ${usageRowsMax} sums. Ask for fewer days, or split them by less than ${by.join(', ')}.`,
      );
    return { object: 'usage' as const, from, to, by, data };
  });
}

const dayMs = 86_400_000;
const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
