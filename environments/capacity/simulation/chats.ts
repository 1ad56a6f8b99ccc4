/** Chat replicas with the slots that the services run: taken or refused at once, and the hint that the refused obey. */
import { createSlots } from '../../../services/shared/slots/slots.ts';
import { Clock } from './clock.ts';
import { exponential, type Random } from './random.ts';
import { Replicas, type Scaling } from './replicas.ts';
import { binMs, Timeline } from './timeline.ts';
import type { Arrival } from './trace.ts';

export type Question = Extract<Arrival, { kind: 'question' }>;

export interface ChatTier {
  readonly min: number;
  readonly max: number;
  readonly scaling?: Scaling | undefined;
  /** Of a replica. */
  readonly slots: number;
  /** Answers that a replica's CPU streams at full speed; more of them are slower. */
  readonly streams: number;
  /** Mean; how long each takes is exponential. */
  readonly answerSeconds: number;
  /** Whoever was refused for so long gives up. */
  readonly patienceSeconds: number;
}

export interface QuestionOutcome {
  readonly atMs: number;
  readonly tries: number;
  /** Until a slot was taken; undefined: given up. */
  readonly waitMs: number | undefined;
}

export interface ChatsRun {
  readonly endMs: number;
  readonly questions: readonly QuestionOutcome[];
  readonly slotsInUse: readonly number[];
  /** Share of the slots that are there. */
  readonly busyShare: readonly number[];
  readonly replicas: readonly number[];
  /** In each minute. */
  readonly yields: readonly number[];
}

const impatientMs = 1000;

export function simulateChats(asked: readonly Question[], tier: ChatTier, random: Random): ChatsRun {
  const clock = new Clock();
  const questions: QuestionOutcome[] = [];
  const slotsInUse = new Timeline();
  const yields: number[] = [];
  let open = asked.length;
  const fleet = Array.from({ length: tier.max }, () =>
    createSlots({ max: tier.slots, now: () => clock.nowMs, random, expectedMs: 5000 }),
  );
  const inUse = () => fleet.reduce((sum, { inFlight }) => sum + inFlight, 0);
  const replicas = new Replicas({
    clock,
    min: tier.min,
    max: tier.max,
    scaling: tier.scaling,
    signal: () => inUse() + (tier.scaling?.refusedEach ?? 0) * (yields[Math.floor(clock.nowMs / binMs) - 1] ?? 0),
    ends: () => open === 0,
    started: () => {},
  });

  /** As the balancer does: the one with the fewest answers under way. */
  const idlest = () =>
    fleet
      .filter((_, index) => replicas.serves(index))
      .reduce((best, one) => (one.inFlight < best.inFlight ? one : best));

  function ask(question: Question, tries: number): void {
    const slots = idlest();
    const taken = slots.take(question.tenant);
    const { atMs } = question;
    if ('release' in taken) {
      slotsInUse.set(clock.nowMs, inUse());
      questions.push({ atMs, tries, waitMs: clock.nowMs - atMs });
      const slowed = Math.max(1, slots.inFlight / tier.streams);
      clock.at(clock.nowMs + exponential(tier.answerSeconds * 1000, random) * slowed, () => {
        taken.release();
        open -= 1;
        slotsInUse.set(clock.nowMs, inUse());
      });
      return;
    }
    const bin = Math.floor(clock.nowMs / binMs);
    yields[bin] = (yields[bin] ?? 0) + 1;
    const againMs = clock.nowMs + (question.impatient ? impatientMs : taken.retryHintMs);
    if (againMs - atMs > tier.patienceSeconds * 1000) {
      open -= 1;
      questions.push({ atMs, tries, waitMs: undefined });
    } else clock.at(againMs, () => ask(question, tries + 1));
  }

  clock.feed(asked, (question) => ask(question, 1));
  clock.run();

  const endMs = clock.nowMs;
  const used = slotsInUse.means(endMs);
  const paid = replicas.paid.means(endMs);
  return {
    endMs,
    questions,
    slotsInUse: used,
    busyShare: used.map((slots, bin) => slots / (tier.slots * (paid[bin] ?? 1))),
    replicas: paid,
    yields: Array.from({ length: used.length }, (_, bin) => yields[bin] ?? 0),
  };
}
