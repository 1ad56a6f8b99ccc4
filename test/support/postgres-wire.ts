/** Just enough of PostgreSQL's protocol to see which statement is sent, and where its answer ends. */

export interface AnswerCut {
  readonly statement: RegExp;
  readonly before: boolean;
  readonly serverKept: boolean;
  readonly done: () => void;
}

export interface StatementReader {
  /** Bytes of the client. `cut`, `strand`: they must not reach the server, which hears of the end or does not. */
  sent(chunk: Buffer): 'pass' | 'cut' | 'strand';
  /** Bytes of the server. `drop`: of an answer that is cut off, `cut`: its end. */
  answered(chunk: Buffer): 'pass' | 'drop' | 'cut';
}

/** ReadyForQuery: the end of every answer. */
const ready = Buffer.from([0x5a, 0, 0, 0, 5]);

/** @param cuts taken from as they match */
export function statementReader(cuts: AnswerCut[]): StatementReader {
  let buffer = Buffer.alloc(0);
  let started = false;
  let cutting: AnswerCut | undefined;
  const named = new Map<string, string>();

  const match = (text: string) => {
    const index = cuts.findIndex(({ statement }) => statement.test(text));
    return index < 0 ? undefined : cuts.splice(index, 1)[0];
  };
  /** Texts of the statements that begin in these messages. */
  const texts = function* (chunk: Buffer): Generator<string> {
    buffer = Buffer.concat([buffer, chunk]);
    for (;;) {
      const head = started ? 1 : 0;
      if (buffer.length < head + 4) return;
      const length = head + buffer.readUInt32BE(head);
      if (buffer.length < length) return;
      const type = started ? String.fromCharCode(buffer[0] as number) : 'startup';
      const body = buffer.subarray(head + 4, length);
      buffer = buffer.subarray(length);
      started = true;
      if (type === 'Q') yield body.toString('utf8', 0, body.length - 1);
      if (type === 'P') {
        const [name = '', text = ''] = body.toString('utf8').split('\0');
        if (name) named.set(name, text);
        yield text;
      }
      // Of a statement that was prepared before: its name stands behind the portal's.
      if (type === 'B') {
        const text = named.get(body.toString('utf8').split('\0')[1] ?? '');
        if (text) yield text;
      }
    }
  };

  return {
    sent: (chunk) => {
      for (const text of texts(chunk)) cutting ??= match(text);
      if (!cutting?.before) return 'pass';
      cutting.done();
      return cutting.serverKept ? 'strand' : 'cut';
    },
    answered: (chunk) => {
      if (!cutting) return 'pass';
      if (!chunk.includes(ready)) return 'drop';
      cutting.done();
      return 'cut';
    },
  };
}
