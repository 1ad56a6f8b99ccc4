/** The state machine of jobs: what holds for every job, whatever happens to it in which order. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type JobStatus,
  jobKinds,
  jobStages,
  jobStatuses,
  lanePagesMax,
} from '../../../../services/shared/contract/job.ts';
import {
  allows,
  decideLease,
  hasEnded,
  type JobState,
  type LeasedJob,
  laneOf,
  type Transition,
  type TransitionName,
  transitions,
} from '../../../../services/shared/jobs/job-states.ts';

const names = Object.keys(transitions) as TransitionName[];
const table: Readonly<Record<TransitionName, Transition>> = transitions;
const kind = fc.constantFrom(...jobKinds);
const status = fc.constantFrom(...jobStatuses);
const stage = fc.constantFrom(null, ...jobStages);
const state = fc.record({ kind, status, stage });

/** What is written when a transition is asked for; stages within `running` move by themselves. */
const steps = fc.array(fc.record({ name: fc.constantFrom(...names), pick: fc.nat() }), { maxLength: 30 });

function after(job: JobState, name: TransitionName, pick: number, nextStage: string | null): JobState {
  if (!allows(name, job)) return job;
  const { to } = table[name];
  const next = to[pick % to.length] as JobStatus;
  return { kind: job.kind, status: next, stage: hasEnded({ status: next }) ? null : nextStage };
}

test('a job that has ended is moved by a retry, or by a file that got lost, and by nothing else', () => {
  fc.assert(
    fc.property(state, fc.constantFrom(...names), (job, name) => {
      if (!hasEnded(job) || !allows(name, job)) return;
      expect(['retry', 'loseFile', 'endTask']).toContain(name);
      // A task that ends again ends as it did.
      if (name === 'endTask') expect([job.status, table[name].to]).toEqual(['succeeded', ['succeeded']]);
    }),
  );
});

test('what is canceled while it runs ends; it never goes on', () => {
  fc.assert(
    fc.property(fc.constantFrom(...names), stage, (name, at) => {
      const job = { kind: 'ingest', status: 'canceling', stage: at };
      if (!allows(name, job)) return;
      for (const status of table[name].to) expect(hasEnded({ status })).toBe(true);
    }),
  );
});

test('no person stops a deletion, retries or confirms it', () => {
  for (const name of names.filter((one) => table[one].by === 'person')) expect(table[name].kinds).toEqual(['ingest']);
});

test('from every state that a job can come to, it can end, also while nobody deletes its document', () => {
  const stagesOf = {
    ingest: [null, 'probing', 'parsing', 'indexing'],
    delete_document: ['deleting'],
    delete_brain: ['deleting'],
    reindex: ['indexing'],
  };
  fc.assert(
    fc.property(kind, steps, (of, some) => {
      let job: JobState = { kind: of, status: 'queued', stage: stagesOf[of][0] as string | null };
      for (const { name, pick } of some)
        job = after(job, name, pick, stagesOf[of][pick % stagesOf[of].length] as string | null);
      if (hasEnded(job)) return;
      const ending = names.filter(
        (name) => name !== 'abandon' && allows(name, job) && table[name].to.some((to) => hasEnded({ status: to })),
      );
      expect(ending).not.toEqual([]);
    }),
  );
});

test('every status can be reached, and every transition can happen', () => {
  const reached = new Set<string>(['awaiting_confirmation', 'queued']);
  for (let size = 0; size < reached.size; ) {
    size = reached.size;
    for (const name of names)
      if (table[name].from.some((from) => reached.has(from))) for (const to of table[name].to) reached.add(to);
  }
  expect([...reached].sort()).toEqual([...jobStatuses].sort());
  for (const name of names)
    expect(
      jobKinds.some((of) =>
        jobStatuses.some((from) =>
          [null, ...jobStages].some((at) => allows(name, { kind: of, status: from, stage: at })),
        ),
      ),
    ).toBe(true);
});

const epoch = fc.nat(5);
const leased = fc.record({ kind, status, stage, epoch, deleted: fc.boolean() });

test('a lease works only on a job that waits or runs, whose document is there, and never below the epoch', () => {
  fc.assert(
    fc.property(leased, epoch, (job: LeasedJob, of) => {
      const decision = decideLease(job, { epoch: of });
      if (decision === 'work') {
        expect(['queued', 'running']).toContain(job.status);
        expect(job.deleted).toBe(false);
        expect(of).toBeGreaterThanOrEqual(job.epoch);
        expect(allows('begin', job) && allows('end', job)).toBe(true);
      }
      // Whoever is told to cancel may end it so.
      if (decision === 'cancel') expect(allows('endCanceled', job)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

test('of two leases the one that lost stays refused, however far the fence rises', () => {
  fc.assert(
    fc.property(leased, epoch, epoch, (job, of, rise) => {
      const before = decideLease(job, { epoch: of });
      const later = decideLease({ ...job, epoch: job.epoch + rise }, { epoch: of });
      if (before !== 'work') expect(later).toBe(before);
      else expect(['work', 'stale']).toContain(later);
    }),
  );
});

test.each([
  [undefined, 'forget'],
  [{ status: 'running', stage: 'indexing' }, 'forget'],
  [{ status: 'canceling', stage: 'indexing' }, 'forget'],
  [{ status: 'canceling', stage: 'parsing' }, 'cancel'],
  [{ status: 'succeeded', stage: null }, 'forget'],
  [{ status: 'running', stage: 'parsing' }, 'work'],
  [{ status: 'running', stage: 'parsing', epoch: 8 }, 'stale'],
  [{ status: 'running', stage: 'parsing', deleted: true }, 'forget'],
] as const)('a lease of epoch 7 on %p: %s', (job, decision) => {
  const whole = job && { kind: 'ingest', epoch: 7, deleted: false, ...job };
  expect(decideLease(whole, { epoch: 7 })).toBe(decision);
});

test('a job that shrinks only moves to lighter lanes', () => {
  const order = ['light', 'middle', 'heavy'];
  fc.assert(
    fc.property(fc.nat(3000), fc.nat(3000), (a, b) => {
      const [fewer, more] = [Math.min(a, b), Math.max(a, b)];
      expect(order.indexOf(laneOf(fewer))).toBeLessThanOrEqual(order.indexOf(laneOf(more)));
    }),
  );
  expect(
    [1, lanePagesMax.light, lanePagesMax.light + 1, lanePagesMax.middle, lanePagesMax.middle + 1].map(laneOf),
  ).toEqual(['light', 'light', 'middle', 'middle', 'heavy']);
  expect(laneOf(null)).toBe('middle');
});
