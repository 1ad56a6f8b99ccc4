/** The CPU of a replica, shared by its children: each has one at most, and an equal part where there are fewer. */
import type { Clock } from './clock.ts';

interface Task {
  /** When the CPU time of one child that was always here has come so far. */
  readonly endsAt: number;
  readonly done: () => void;
}

export class Processor {
  readonly #clock: Clock;
  readonly #vcpu: number;
  readonly #tasks = new Set<Task>();
  /** CPU seconds of one child that was always here. */
  #elapsed = 0;
  #sinceMs = 0;
  /** Of the end that was last foreseen: others are out of date. */
  #foreseen = 0;

  constructor(clock: Clock, vcpu: number) {
    this.#clock = clock;
    this.#vcpu = vcpu;
  }

  /** CPUs in use. */
  get used(): number {
    return Math.min(this.#tasks.size, this.#vcpu);
  }

  start(cpuSeconds: number, done: () => void): void {
    this.#advance();
    this.#tasks.add({ endsAt: this.#elapsed + cpuSeconds, done });
    this.#foresee();
  }

  get #speed(): number {
    return Math.min(1, this.#vcpu / this.#tasks.size);
  }

  #advance(): void {
    const { nowMs } = this.#clock;
    if (this.#tasks.size > 0) this.#elapsed += (this.#speed * (nowMs - this.#sinceMs)) / 1000;
    this.#sinceMs = nowMs;
  }

  #foresee(): void {
    this.#foreseen += 1;
    const foreseen = this.#foreseen;
    let next: Task | undefined;
    for (const task of this.#tasks) if (!next || task.endsAt < next.endsAt) next = task;
    if (!next) return;
    const task = next;
    const inMs = Math.max(0, ((task.endsAt - this.#elapsed) / this.#speed) * 1000);
    this.#clock.at(this.#clock.nowMs + inMs, () => {
      if (foreseen !== this.#foreseen) return;
      this.#advance();
      this.#tasks.delete(task);
      this.#foresee();
      task.done();
    });
  }
}
