/** Lines of many connections, each bounded, and all that is unfinished of them together. */

export interface LineLimits {
  /** Of one line. */
  readonly lineBytesMax: number;
  /** Of all unfinished lines of a process. */
  readonly unfinishedBytesMax: number;
}

/** Shared by the readers of a process. */
export class UnfinishedLines {
  bytes = 0;
}

export class LineReader {
  readonly #limits: LineLimits;
  readonly #shared: UnfinishedLines;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(limits: LineLimits, shared: UnfinishedLines) {
    this.#limits = limits;
    this.#shared = shared;
  }

  /** The lines that end in `data`; null: too much, and nothing more may be pushed. */
  push(data: Buffer): string[] | null {
    const lines: string[] = [];
    let from = 0;
    for (let at = data.indexOf(10); at >= 0; at = data.indexOf(10, from)) {
      if (this.#bytes + at - from > this.#limits.lineBytesMax) return null;
      this.#keep(data.subarray(from, at));
      lines.push(Buffer.concat(this.#parts).toString('utf8').trim());
      this.close();
      from = at + 1;
    }
    // A copy: else a few bytes would hold the whole of what came with them.
    this.#keep(Buffer.from(data.subarray(from)));
    const { lineBytesMax, unfinishedBytesMax } = this.#limits;
    return this.#bytes > lineBytesMax || this.#shared.bytes > unfinishedBytesMax ? null : lines;
  }

  close(): void {
    this.#shared.bytes -= this.#bytes;
    this.#bytes = 0;
    this.#parts = [];
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return;
    this.#parts.push(part);
    this.#bytes += part.length;
    this.#shared.bytes += part.length;
  }
}
