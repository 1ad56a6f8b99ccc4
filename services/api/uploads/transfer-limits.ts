/** Limits of transfers through this tier and of what callers keep open; tests shorten them. */
import { bodyTimeoutMsMax } from '../../shared/http/body-timeouts.ts';
import type { ConcurrencyLimits } from '../../shared/http/concurrency.ts';
import type { UploadRate } from './upload-rate.ts';

export interface TransferLimits {
  readonly downloads: ConcurrencyLimits & {
    /** A download whose reader takes nothing for so long ends. */
    readonly stallMs: number;
  };
  /** Of `GET /v1/jobs/{job}/pages`. */
  readonly pageLists: ConcurrencyLimits;
  readonly uploads: ConcurrencyLimits & UploadRate;
  readonly eventStreams: ConcurrencyLimits & {
    /** A reader who takes nothing of what waits for so long has gone without saying so. */
    readonly stallMs: number;
    /** Each ends after so long; who reads comes back at once and misses nothing. */
    readonly streamMs: number;
  };
  /** Of `GET /v1/jobs/{job}?wait=`. */
  readonly waits: ConcurrencyLimits;
  /** Of every other body. */
  readonly bodyTimeoutMs: number;
}

export const transferLimits: TransferLimits = {
  downloads: {
    // A browser opens 6 connections, and pdf.js reads several ranges at once over each page.
    callerMax: 16,
    tenantMax: 32,
    // Each holds a socket to the object store and two chunks of 64 KiB; of pages that are read alone, 2 MiB at most.
    replicaMax: 64,
    // Longer than a phone needs between two cells; a chunk of 64 KiB in that time is 2 KiB/s.
    stallMs: 30_000,
  },
  pageLists: {
    // The page asks for none; a program reads one after the other, of a few documents at a time.
    callerMax: 8,
    tenantMax: 12,
    // Each holds up to 8 MiB until its reader has taken them.
    replicaMax: 16,
  },
  uploads: {
    // The page sends 3 at a time; programs that sort out a folder send more.
    callerMax: 24,
    tenantMax: 36,
    // Each holds up to 20 MiB of parts on their way to the object store.
    replicaMax: 48,
    // 4 KiB/s: less than any phone sends that sends at all.
    windowMs: 30_000,
    windowBytesMin: 30 * 4096,
    // 32 KiB/s over the whole: 100 MB may take 52 minutes.
    graceMs: 60_000,
    bytesPerSecondMin: 32 * 1024,
  },
  eventStreams: {
    // A browser opens one for all its tabs; a person has a few browsers.
    callerMax: 10,
    tenantMax: 256,
    // Each holds a socket, and a buffer when its reader is slow.
    replicaMax: 512,
    stallMs: 60_000,
    // Heartbeats alone fill the buffers of a connection only after days, so nothing else shows that nobody reads.
    streamMs: 3_600_000,
  },
  waits: {
    // One for each upload of a program that sends as many as it may, and some for people beside it.
    callerMax: 32,
    tenantMax: 64,
    // Each looks every 5 s, and ten times a second while its tenant's documents are read.
    replicaMax: 128,
  },
  bodyTimeoutMs: bodyTimeoutMsMax,
};
