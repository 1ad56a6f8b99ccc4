/**
 * Group commit: writes of one brain that wait for its writer go into its table together, in one commit, which costs as much
 * for many short documents as for one. Who finds no writer at work is written at once. After a small commit the next one
 * waits a moment for others, somewhat as Nagle's algorithm does (RFC 896): documents that arrive one after the other are
 * seldom read within the 20 ms of a commit. Each has its own outcome. What a group could not do is done for each of them
 * alone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Chunk, chunksPerUpsertMax } from '../../shared/contract/vectorstore.ts';
import type { Logger } from '../../shared/log.ts';
import type { Brain } from './brain-tables.ts';
import type { Run } from './chunk-table.ts';
import type { Embedding } from './table-schema.ts';
import type { WriterLock } from './writer-lock.ts';

export interface Write {
  readonly run: Run;
  readonly embedding: Embedding | null;
  readonly rows: readonly Partial<Pick<Chunk, 'text' | 'vector' | 'sentence_vectors'>>[];
}

/** Of a group: as much as one request of the contract may hold. What is more alone, goes alone. */
const rowsMax = chunksPerUpsertMax;
const bytesMax = 8 * 1024 * 1024;
/** As long as ten commits take; who waits for a short document hardly notices. */
const gatherMs = 250;
/** Of a commit that the next one is held back after: a larger one is mostly its rows, and often a part of one document. */
const gatherAfterRowsMax = 32;

export interface GroupCommitOptions<One extends Write, Answer> {
  readonly lock: WriterLock;
  readonly log: Logger;
  /** Under the lock. @returns why each is refused; null: it is not */
  refusals(brain: Brain, writes: readonly One[]): Promise<readonly (Error | null)[]>;
  /** Under the lock, all in one commit. @returns the answer of each @throws when one of them could not be written */
  commit(brain: Brain, writes: readonly One[], held: AbortSignal): Promise<readonly Answer[]>;
  /** Before a caller is told: its write had begun, and may stand. */
  failed(brain: Brain, write: One, error: unknown): Promise<void>;
}

export type GroupCommit<One extends Write, Answer> = (brain: Brain, write: One) => Promise<Answer>;

interface Pending<One, Answer> {
  readonly write: One;
  /** Of a group that failed. */
  alone: boolean;
  began: boolean;
  readonly outcome: PromiseWithResolvers<Answer>;
}

export function createGroupCommit<One extends Write, Answer>(
  options: GroupCommitOptions<One, Answer>,
): GroupCommit<One, Answer> {
  type Waiting = Pending<One, Answer>;
  const { lock, log, refusals, commit, failed } = options;
  const queues = new Map<string, Waiting[]>();

  const reject = async (brain: Brain, { began, write, outcome }: Waiting, error: unknown) => {
    if (began) await failed(brain, write, error);
    outcome.reject(error);
  };

  /** Under the lock. @returns tells the callers, once the lock was held to the end */
  const writeGroup = async (brain: Brain, queue: Waiting[], group: Waiting[], held: AbortSignal) => {
    const refused = await refusals(
      brain,
      group.map(({ write }) => write),
    );
    const written = group.filter((_, at) => !refused[at]);
    const settle: (() => void)[] = group.flatMap((one, at) => {
      const why = refused[at];
      return why ? [() => void reject(brain, one, why)] : [];
    });
    held.throwIfAborted();
    for (const one of written) one.began = true;
    try {
      const answers =
        written.length === 0
          ? []
          : await commit(
              brain,
              written.map(({ write }) => write),
              held,
            );
      settle.push(...written.map((one, at) => () => one.outcome.resolve(answers[at] as Answer)));
    } catch (error) {
      if (held.aborted) throw error;
      const [first, ...others] = written as [Waiting, ...Waiting[]];
      if (others.length === 0) settle.push(() => void reject(brain, first, error));
      else {
        log.warn({ err: error as Error, brainId: brain.brainId, writes: written.length }, 'group written one by one');
        for (const one of written) one.alone = true;
        settle.push(() => void queue.unshift(...written));
      }
    }
    return settle;
  };

  const drain = async (brain: Brain, queue: Waiting[]) => {
    while (queue.length > 0) {
      const waited = queue.length;
      let group: Waiting[] | undefined;
      try {
        const settle = await lock.hold(brain.brainId, (held) => {
          group = takeGroup(queue);
          return writeGroup(brain, queue, group, held);
        });
        for (const tell of settle) tell();
      } catch (error) {
        // Where the lock was not free, who has waited for it is told; who came meanwhile waits on.
        for (const one of group ?? queue.splice(0, waited)) void reject(brain, one, error);
      }
      // Whoever comes meanwhile waits in the queue, which is not given up yet.
      if (group && !group.some(({ alone }) => alone) && rowsOf(group) <= gatherAfterRowsMax)
        await sleep(gatherMs, undefined, { ref: false });
    }
    queues.delete(brain.brainId);
  };

  return (brain, write) => {
    const outcome = Promise.withResolvers<Answer>();
    const pending = { write, alone: false, began: false, outcome };
    const queue = queues.get(brain.brainId);
    if (queue) queue.push(pending);
    else {
      const own = [pending];
      queues.set(brain.brainId, own);
      void drain(brain, own);
    }
    return outcome.promise;
  };
}

/** The first, and those after it that go with it; they leave the queue. */
function takeGroup<One extends Write, Answer>(queue: Pending<One, Answer>[]): Pending<One, Answer>[] {
  const first = queue[0] as Pending<One, Answer>;
  const group = [first];
  let [rows, bytes] = [first.write.rows.length, bytesOf(first.write)];
  for (const one of first.alone ? [] : queue.slice(1)) {
    const { embedding } = one.write;
    const goes =
      !one.alone &&
      embedding?.model === first.write.embedding?.model &&
      embedding?.dimensions === first.write.embedding?.dimensions &&
      rows + one.write.rows.length <= rowsMax &&
      bytes + bytesOf(one.write) <= bytesMax;
    if (!goes) continue;
    group.push(one);
    rows += one.write.rows.length;
    bytes += bytesOf(one.write);
  }
  queue.splice(0, queue.length, ...queue.filter((one) => !group.includes(one)));
  return group;
}

const rowsOf = (group: readonly { readonly write: Write }[]) =>
  group.reduce((sum, { write }) => sum + write.rows.length, 0);

/** About: text, and the numbers of a vector. */
const bytesOf = ({ rows }: Write) =>
  rows.reduce(
    (sum, { text = '', vector = [], sentence_vectors: sentences }) =>
      sum + text.length + 8 * vector.length + (sentences?.length ?? 0),
    0,
  );
