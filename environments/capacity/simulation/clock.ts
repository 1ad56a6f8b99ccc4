/** Simulated time: what is to happen, in the order of its time; of the same time, first come first. */
import TinyQueue from 'tinyqueue';

interface Event {
  readonly atMs: number;
  readonly number: number;
  readonly run: () => void;
}

export class Clock {
  nowMs = 0;
  readonly #events = new TinyQueue<Event>([], (a, b) => a.atMs - b.atMs || a.number - b.number);
  #number = 0;

  at(atMs: number, run: () => void): void {
    this.#number += 1;
    this.#events.push({ atMs: Math.max(atMs, this.nowMs), number: this.#number, run });
  }

  /** What arrives, in the order of its time; only the next one waits here. */
  feed<T extends { readonly atMs: number }>(
    arrivals: readonly T[],
    arrive: (arrival: T, index: number) => void,
    index = 0,
  ): void {
    const arrival = arrivals[index];
    if (!arrival) return;
    this.at(arrival.atMs, () => {
      arrive(arrival, index);
      this.feed(arrivals, arrive, index + 1);
    });
  }

  /** Until nothing is to happen any more. */
  run(): void {
    for (let event = this.#events.pop(); event; event = this.#events.pop()) {
      this.nowMs = event.atMs;
      event.run();
    }
  }
}
