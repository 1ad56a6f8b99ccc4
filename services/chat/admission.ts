/** Admission of what is asked outside of a conversation: nothing of it is stored but the ledger. */
import type { FastifyReply } from 'fastify';
import { uuidv7 } from 'uuidv7';
import { noteUsed, reserve } from '../shared/ledger/reservations.ts';
import { findBrain } from '../shared/postgres/find-brain.ts';
import { answerProblem } from './answering/answer-problem.ts';
import type { Choice } from './answering/answerer.ts';
import { type AskedText, questionMayUse } from './answering/may-use.ts';
import { type ChatContext, takeSlot } from './context.ts';
import {
  newTokenUsage,
  recordQuestion,
  recordTokens,
  reservationMs,
  type TokenUsage,
  tokenEntries,
  type UsageRecord,
  wasteEntry,
} from './turns/token-usage.ts';

export interface Asked {
  readonly tenantId: string;
  readonly brainId: string;
  /** With which it is asked; null: by a person. */
  readonly keyId: string | null;
  /** That is asked. */
  readonly asked: AskedText;
  /** Gets the headers of a quota. */
  readonly reply?: FastifyReply;
}

export interface Admitted {
  /** Of this question in the ledger. */
  readonly id: string;
  readonly brain: Awaited<ReturnType<typeof findBrain>>;
  readonly tokenUsage: TokenUsage;
  /** Writes the tokens used, once; done at the end whatever happens. */
  settle(): Promise<void>;
  /** The parts of an answer. What its model was sent is in the ledger from then on, should this replica die. */
  noting<Part extends object>(parts: AsyncIterable<Part>): AsyncGenerator<Part>;
}

/**
 * Takes a slot and one of the day's questions while `run` runs.
 *
 * @throws ProblemError `yield`, `not-found`, `quota`; what `run` throws, `model-failed` when it took too long
 */
export const admit = <Result>(context: ChatContext, asked: Asked, run: (admitted: Admitted) => Promise<Result>) =>
  admitted(context, asked, async () => ({ giveBack: () => {} }), run);

/** The same for what a model answers: of its slots one too. @throws ProblemError `conflict` too */
export const admitAnswer = <Result>(
  context: ChatContext,
  asked: Asked,
  run: (admitted: Admitted & { readonly choice: Choice }) => Promise<Result>,
) =>
  admitted<Result, { readonly choice: Choice; readonly giveBack: () => void }>(
    context,
    asked,
    async (brain) => {
      const choice = context.answerer.choose(brain, brain.models_allowed);
      return { choice, giveBack: await context.modelSlots.take(choice.answerer.name, asked.tenantId) };
    },
    run,
  );

async function admitted<Result, Taken extends { readonly choice?: Choice; readonly giveBack: () => void }>(
  context: ChatContext,
  { tenantId, brainId, keyId, asked, reply }: Asked,
  take: (brain: Admitted['brain']) => Promise<Taken>,
  run: (admitted: Admitted & Taken) => Promise<Result>,
): Promise<Result> {
  const { db, slots } = context;
  const release = takeSlot(slots, tenantId);
  const usageRecord: UsageRecord = { id: uuidv7(), tenantId, brainId, turnId: null, keyId };
  const tokenUsage = newTokenUsage();
  let reserved = false;
  let settled = false;
  const settle = async () => {
    if (settled) return;
    // Whoever asked has gone before all of it was sent.
    const gone = reply?.raw.destroyed && !reply.raw.writableFinished;
    await recordTokens(db, usageRecord, tokenUsage, { reserved, wasted: gone ? context.answerer.counts : null });
    settled = true;
  };
  const noting: Admitted['noting'] = async function* (parts) {
    for await (const part of parts) {
      if ('found' in part && tokenUsage.tokensIn > 0) {
        const { id } = usageRecord;
        const entries = [...tokenEntries(id, tokenUsage), wasteEntry(id, tokenUsage)];
        await noteUsed(db, usageRecord, entries, reservationMs(context));
        reserved = true;
      }
      yield part;
    }
  };
  let taken: Taken | undefined;
  try {
    const brain = await findBrain(db, tenantId, brainId);
    // Before the day's question: who is refused has not asked.
    taken = await take(brain);
    const { choice } = taken;
    await db.transaction().execute(async (trx) => {
      reserved = await reserve(
        trx,
        { tenantId, keyId },
        {
          ...questionMayUse(context, choice, asked),
          id: usageRecord.id,
          questions: 1,
          lastsMs: reservationMs(context),
        },
        reply,
      );
      await recordQuestion(trx, usageRecord);
    });
    return await run({ id: usageRecord.id, brain, tokenUsage, settle, noting, ...taken });
  } catch (error) {
    throw (error as Error).name === 'TimeoutError' ? answerProblem(error, usageRecord.id) : error;
  } finally {
    taken?.giveBack();
    release();
    // Also for an answer that broke off.
    await settle();
  }
}
