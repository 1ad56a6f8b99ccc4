/** `GET /v1/jobs/{job}?wait=`: sleeps until the job ends, woken by the database, not by polling. */
import type { FastifyReply } from 'fastify';
import { goneSignal } from '../../shared/http/on-close.ts';
import { hasEnded } from '../../shared/jobs/job-states.ts';
import type { JobRow } from '../../shared/jobs/job-store.ts';
import type { Api } from '../context.ts';

/** Of one burst of changes in the tenant, one is read. */
const settleMs = 100;
/** Should a notification be lost, the job is looked at all the same. */
const lookEveryMs = 5000;

/** The job at its end, or as it is after `waitS`, or when the caller leaves or the service stops. */
export async function waitForEnd(
  { app, changes }: Api,
  reply: FastifyReply,
  tenantId: string,
  waitS: number,
  find: () => Promise<JobRow>,
): Promise<JobRow> {
  const until = AbortSignal.any([app.stopping, goneSignal(reply.raw), AbortSignal.timeout(waitS * 1000)]);
  let wake = () => {};
  const stop = changes.on(tenantId, () => wake());
  try {
    for (;;) {
      // Armed before the look, so that no change falls between the two.
      const changed = new Promise<void>((resolve) => {
        wake = () => setTimeout(resolve, settleMs);
      });
      const row = await find();
      if (hasEnded(row) || until.aborted) return row;
      await first(changed, until);
    }
  } finally {
    stop();
  }
}

async function first(changed: Promise<void>, until: AbortSignal): Promise<void> {
  const timer = new AbortController();
  await Promise.race([
    changed,
    new Promise<void>((resolve) => {
      const timeout = setTimeout(resolve, lookEveryMs);
      until.addEventListener('abort', () => resolve(), { signal: timer.signal });
      timer.signal.addEventListener('abort', () => clearTimeout(timeout));
    }),
  ]);
  timer.abort();
}
