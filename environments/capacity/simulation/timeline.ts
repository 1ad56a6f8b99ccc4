/** A figure over time, as its mean in each piece of it. */

export const binMs = 60_000;

export class Timeline {
  readonly #areas: number[] = [];
  #fromMs = 0;
  #value = 0;

  /** It is that much from then on. Times never go back. */
  set(atMs: number, value: number): void {
    this.#until(atMs);
    this.#value = value;
  }

  /** Its means until then; of the last piece as far as it goes. */
  means(endMs: number): readonly number[] {
    this.#until(endMs);
    return this.#areas.map((area, bin) => area / (Math.min(endMs, (bin + 1) * binMs) - bin * binMs));
  }

  #until(atMs: number): void {
    while (this.#fromMs < atMs) {
      const bin = Math.floor(this.#fromMs / binMs);
      const toMs = Math.min(atMs, (bin + 1) * binMs);
      this.#areas[bin] = (this.#areas[bin] ?? 0) + this.#value * (toMs - this.#fromMs);
      this.#fromMs = toMs;
    }
  }
}
