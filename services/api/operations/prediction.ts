/** What the environment's sheet says that it carries, as it was handed over. */
import { z } from 'zod';
import { type PredictedCapacity, predictedCapacity } from '../../shared/contract/operations.ts';

/** @throws Error when it is not what the sheet writes */
export function readPrediction(text: string): PredictedCapacity | null {
  if (text === '') return null;
  try {
    return predictedCapacity.parse(JSON.parse(text));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new Error(`PREDICTED_CAPACITY is not what the sheet writes, ${why}; allowed is that JSON, or nothing`);
  }
}
