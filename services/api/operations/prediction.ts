/** What the environment's sheet says that it carries, as it was handed over, and as it is on the CPU that this runs on. */
import { z } from 'zod';
import { type PredictedCapacity, predictedCapacity } from '../../shared/contract/operations.ts';

/** The least of the limits that a CPU sets at the speed of the constants, and of the others. Null: there is none. */
const limits = z.object({ by_cpu: z.number().nullable(), other: z.number().nullable() });
const carried = {
  pages_per_minute: limits,
  embedded_pages_per_minute: limits,
  chats_at_once: limits,
  chats_per_minute: limits,
  api_requests_per_second: limits,
};

const handedOver = predictedCapacity
  .omit({ yields_per_minute: true })
  .extend({ ...carried, refused_share: z.number().min(0).max(1) });
export type HandedOver = z.output<typeof handedOver>;

/** @throws Error when it is not what the sheet writes */
export function readPrediction(text: string): HandedOver | null {
  if (text === '') return null;
  try {
    return handedOver.parse(JSON.parse(text));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new Error(`PREDICTED_CAPACITY is not what the sheet writes, ${why}; allowed is that JSON, or nothing`);
  }
}

/** @param factor What this CPU does of the one that the constants are of; null, which nobody knows: as if it did the same. */
export function onThisCpu({ refused_share, ...handed }: HandedOver, factor: number | null): PredictedCapacity {
  const speed = factor ?? 1;
  const least = ({ by_cpu, other }: z.output<typeof limits>) =>
    rounded(Math.min(by_cpu === null ? Number.POSITIVE_INFINITY : by_cpu * speed, other ?? Number.POSITIVE_INFINITY));
  const { p50, p95 } = handed.first_token_seconds;
  const chatsPerMinute = least(handed.chats_per_minute);
  return {
    ...handed,
    pages_per_minute: least(handed.pages_per_minute),
    embedded_pages_per_minute: least(handed.embedded_pages_per_minute),
    chats_at_once: Math.floor(least(handed.chats_at_once)),
    chats_per_minute: chatsPerMinute,
    api_requests_per_second: least(handed.api_requests_per_second),
    yields_per_minute: rounded(chatsPerMinute * refused_share),
    first_token_seconds: { p50: rounded(p50 / speed), p95: rounded(p95 / speed) },
    light_wait_p95_seconds: rounded(handed.light_wait_p95_seconds / speed),
  };
}

const rounded = (value: number) => Number(value.toPrecision(2));
