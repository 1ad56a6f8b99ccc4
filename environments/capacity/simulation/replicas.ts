/** How many replicas a tier has over time: its least, and more while its signal asks for them. */
import type { Clock } from './clock.ts';
import { Timeline } from './timeline.ts';

export interface Scaling {
  /** What a replica should carry, in the unit of the signal. */
  readonly perReplica: number;
  /** What each one that was refused in the last minute counts for. @default 0 */
  readonly refusedEach?: number | undefined;
  /** From the decision until it serves. */
  readonly startSeconds: number;
  /** Figures in a row that ask for more, or for less. */
  readonly figures: { readonly out: number; readonly in: number };
  /** Less is asked for when all together carry less than this share of what they should. */
  readonly inBelowShare: number;
  /** Since the last change out; since any before one goes. */
  readonly cooldownSeconds: { readonly out: number; readonly in: number };
}

interface Options {
  readonly clock: Clock;
  readonly min: number;
  readonly max: number;
  /** Absent: as many as at most from the beginning. */
  readonly scaling?: Scaling | undefined;
  /** Looked at once a minute, as the services publish it. */
  readonly signal: () => number;
  /** Whether there will be any work. */
  readonly ends: () => boolean;
  /** Number `index` serves from now. */
  readonly started: (index: number) => void;
}

const lookMs = 60_000;

export class Replicas {
  readonly #options: Options;
  readonly paid = new Timeline();
  /** Those below serve or start; those from it on take nothing more and end. */
  #wanted: number;
  #serving = new Set<number>();
  #outMs = Number.NEGATIVE_INFINITY;
  #changedMs = Number.NEGATIVE_INFINITY;
  /** So many figures in a row, until now. */
  #above = 0;
  #below = 0;

  constructor(options: Options) {
    this.#options = options;
    const { min, max, scaling, clock } = options;
    this.#wanted = scaling ? min : max;
    for (let index = 0; index < this.#wanted; index += 1) this.#serving.add(index);
    this.paid.set(0, this.#wanted);
    if (scaling && min < max) clock.at(lookMs, () => this.#look(scaling));
  }

  serves(index: number): boolean {
    return this.#serving.has(index);
  }

  #look(scaling: Scaling): void {
    const { clock, min, max, signal, ends, started } = this.#options;
    if (ends()) return;
    clock.at(clock.nowMs + lookMs, () => this.#look(scaling));
    const asked = signal();
    const { perReplica, figures, inBelowShare, cooldownSeconds, startSeconds } = scaling;
    this.#above = asked > perReplica * this.#wanted ? this.#above + 1 : 0;
    this.#below = asked < perReplica * this.#wanted * inBelowShare ? this.#below + 1 : 0;
    const wanted = Math.min(max, Math.max(min, Math.ceil(asked / perReplica)));
    const past = (sinceMs: number, seconds: number) => clock.nowMs - sinceMs >= seconds * 1000;
    if (wanted > this.#wanted && this.#above >= figures.out && past(this.#outMs, cooldownSeconds.out)) {
      for (let index = this.#wanted; index < wanted; index += 1)
        clock.at(clock.nowMs + startSeconds * 1000, () => {
          if (index >= this.#wanted) return;
          this.#serving.add(index);
          started(index);
        });
      this.#outMs = clock.nowMs;
      this.#change(wanted);
    } else if (wanted < this.#wanted && this.#below >= figures.in && past(this.#changedMs, cooldownSeconds.in)) {
      this.#serving.delete(this.#wanted - 1);
      this.#change(this.#wanted - 1);
    }
  }

  #change(wanted: number): void {
    this.#wanted = wanted;
    this.#changedMs = this.#options.clock.nowMs;
    this.paid.set(this.#changedMs, wanted);
  }
}
