/** The governor's slots, of this process or of the fleet, and what became of those who got one. */
import type { Redis } from 'ioredis';
import { uuidv7 } from 'uuidv7';
import type { Logger } from '../shared/log.ts';
import { createFleetSlots } from '../shared/slots/fleet-slots.ts';
import { createSlots, type SlotCounts, type SlotEvent } from '../shared/slots/slots.ts';

/**
 * `completed`: the backend answered and its answer was handed on. `failed`: it did not. `cancelled`: the caller left, took it
 * back, or was too slow.
 */
export type Outcome = 'completed' | 'failed' | 'cancelled';

export interface Gate {
  readonly max: number;
  /** Of this process. */
  readonly inFlight: number;
  /** Whether the next one would be refused, as far as is known. */
  readonly full: boolean;
  readonly counts: Pick<SlotCounts, 'executed' | 'yielded'> & Readonly<Record<Outcome, number>>;
  /** The slot, which ends with its outcome (repeating it is harmless), or the refusal. */
  take(tenant: string): Promise<{ readonly end: (outcome: Outcome) => void } | { readonly retryHintMs: number }>;
  close(): Promise<void>;
}

export interface GateOptions {
  readonly max: number;
  /** Null: the slots are of this process alone. */
  readonly redis: Redis | null;
  /** Of what is protected. */
  readonly name: string;
  readonly jobMsMax: number;
  readonly log: Logger;
  readonly onEvent?: (event: SlotEvent) => void;
}

export function createGate({ max, redis, name, jobMsMax, log, onEvent }: GateOptions): Gate {
  const slots = redis
    ? createFleetSlots({ redis, name, max, replica: uuidv7(), jobMsMax, log, onEvent })
    : createSlots({ max, onEvent });
  const ends = { completed: 0, failed: 0, cancelled: 0 };
  return {
    max,
    get inFlight() {
      return slots.inFlight;
    },
    get full() {
      return ('fleetInFlight' in slots ? (slots.fleetInFlight ?? max) : slots.inFlight) >= max;
    },
    get counts() {
      const { executed, yielded } = slots.counts;
      return { executed, yielded, ...ends };
    },
    take: async (tenant) => {
      const slot = await slots.take(tenant || undefined);
      if ('retryHintMs' in slot) return slot;
      let ended = false;
      return {
        end: (outcome) => {
          if (ended) return;
          ended = true;
          ends[outcome] += 1;
          slot.release();
        },
      };
    },
    close: async () => {
      if ('close' in slots) await slots.close();
    },
  };
}
