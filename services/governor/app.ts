/** The governor: slots in front of an inference endpoint, over HTTP and over the line protocol, on one port. */
import type { Socket } from 'node:net';
import type { Redis } from 'ioredis';
import { Histogram } from 'prom-client';
import { publishFigures } from '../shared/figures/publish-figures.ts';
import { gauge } from '../shared/gauge.ts';
import { type App, createApp } from '../shared/http/http.ts';
import type { Logger } from '../shared/log.ts';
import { createGate, type Gate } from './gate.ts';
import { sharePort } from './port.ts';
import { type Limits, serveConnection } from './protocol/connection.ts';
import { UnfinishedLines } from './protocol/lines.ts';
import { serveProxy } from './proxy.ts';

export interface GovernorSettings {
  readonly GOVERNOR_BACKEND_URL: string;
  readonly GOVERNOR_MAX_IN_FLIGHT: number;
  readonly GOVERNOR_TOKEN: string;
  readonly GOVERNOR_JOB_TIMEOUT_MS: number;
  readonly ENVIRONMENT: string;
  readonly REPLICA: string;
  readonly VERSION: string;
}

export interface GovernorOptions {
  readonly settings: GovernorSettings;
  /** Null: the slots are of this process alone. Stays the caller's. */
  readonly redis: Redis | null;
  readonly log: Logger;
  readonly limits?: Partial<Limits>;
}

const MiB = 1024 * 1024;

/** As heptamini's, where it has one. */
export const defaultLimits: Omit<Limits, 'jobTimeoutMs'> = {
  lineBytesMax: MiB / 4,
  // Of the 10,000 that may be connected, 256 can be in the middle of the longest line.
  unfinishedBytesMax: 64 * MiB,
  // As many are in memory as there are slots, and no more.
  payloadBytesMax: 50 * MiB,
  // Of text, more than any model writes.
  outputBytesMax: 8 * MiB,
  jobsPerConnection: 64,
  idleTimeoutMs: 60_000,
  // The largest payload at 14 Mbit/s: a slot is taken meanwhile.
  uploadTimeoutMs: 30_000,
};

/** Each holds some KiB. */
const connectionsMax = 12_000;

export async function createGovernor({ settings, redis, log, limits }: GovernorOptions): Promise<{
  readonly app: App;
  readonly gate: Gate;
  close(): Promise<void>;
}> {
  const { GOVERNOR_BACKEND_URL: backendUrl, GOVERNOR_TOKEN: token } = settings;
  const all: Limits = { ...defaultLimits, jobTimeoutMs: settings.GOVERNOR_JOB_TIMEOUT_MS, ...limits };
  const app = createApp({
    log,
    notReady: async () => null,
    bodyTimeoutMs: all.uploadTimeoutMs,
    answerMsMax: all.jobTimeoutMs,
  });
  const hints = new Histogram({
    name: 'governor_retry_hint_seconds',
    help: 'What the refused were told to wait',
    buckets: [0.05, 0.25, 1, 2.5, 5, 10, 30, 60],
    registers: [app.metrics],
  });
  const gate = createGate({
    max: settings.GOVERNOR_MAX_IN_FLIGHT,
    redis,
    // Not by path and key, as chat tells endpoints apart: in proxy mode all paths of the backend pass, with any key.
    name: new URL(backendUrl).host,
    jobMsMax: all.uploadTimeoutMs + all.jobTimeoutMs,
    log,
    onEvent: (event) => {
      if (event.kind === 'yielded') hints.observe(event.retryHintMs / 1000);
    },
  });
  serveProxy(app, { gate, backendUrl, token, jobTimeoutMs: all.jobTimeoutMs });
  const unfinished = new UnfinishedLines();
  const connections = new Set<Promise<void>>();
  app.http.server.maxConnections = connectionsMax;
  const serve = { gate, backendUrl, token, limits: all, unfinished, stopping: app.stopping };
  const serveLines = (socket: Socket) => {
    const served = serveConnection(socket, serve);
    connections.add(served);
    void served.finally(() => connections.delete(served));
  };
  sharePort(app.http.server, serveLines, app.stopping);
  measure(app, gate);
  gauge(app.metrics, 'governor_connections', 'Connections of the line protocol', () => connections.size);
  gauge(app.metrics, 'governor_unfinished_line_bytes', 'Of lines that have not ended', () => unfinished.bytes);
  const stopFigures = publishFigures({
    registry: app.metrics,
    log,
    tier: 'governor',
    settings,
    figures: { slotsInUse: () => gate.inFlight, yields: () => gate.counts.yielded },
  });
  return {
    app,
    gate,
    close: async () => {
      await stopFigures();
      await Promise.all(connections);
      await gate.close();
    },
  };
}

function measure({ metrics }: App, gate: Gate): void {
  gauge(metrics, 'governor_cap', 'Slots', () => gate.max);
  gauge(metrics, 'governor_executed_total', 'Slots given since the start', () => gate.counts.executed);
  gauge(metrics, 'governor_completed_total', 'Jobs answered since the start', () => gate.counts.completed);
  gauge(metrics, 'governor_failed_total', 'Jobs that the backend failed since the start', () => gate.counts.failed);
  gauge(
    metrics,
    'governor_cancelled_total',
    'Jobs whose peer left, took them back or was too slow since the start',
    () => gate.counts.cancelled,
  );
}
