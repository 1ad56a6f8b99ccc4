/** Work that is due in some seconds and holds no slot until then. */
export class Later {
  readonly #due = new Map<NodeJS.Timeout, () => Promise<unknown>>();

  run(ms: number, work: () => Promise<unknown>): void {
    const timer = setTimeout(() => {
      this.#due.delete(timer);
      void work();
    }, ms);
    this.#due.set(timer, work);
  }

  /** Does now what is left. */
  async close(): Promise<void> {
    const left = [...this.#due];
    this.#due.clear();
    await Promise.all(
      left.map(([timer, work]) => {
        clearTimeout(timer);
        return work();
      }),
    );
  }
}
