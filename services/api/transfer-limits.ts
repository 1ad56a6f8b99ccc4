/** Limits of transfers through this tier; tests shorten them. */
import type { ConcurrencyLimits } from './concurrency.ts';

export interface TransferLimits {
  readonly downloads: ConcurrencyLimits & {
    /** A download whose reader takes nothing for so long ends. */
    readonly stallMs: number;
  };
}

export const transferLimits: TransferLimits = {
  downloads: {
    // A browser opens 6 connections, and pdf.js reads several ranges at once over each page.
    callerMax: 16,
    tenantMax: 32,
    // Each holds a socket to the object store and two chunks of 64 KiB.
    replicaMax: 64,
    // Longer than a phone needs between two cells; a chunk of 64 KiB in that time is 2 KiB/s.
    stallMs: 30_000,
  },
};
