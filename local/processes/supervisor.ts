/**
 * Keeps one process running.
 *
 *   starting -> ready -> (ended by itself) -> restarting -> ready ...
 *                                                       -> failed    too many deaths within a minute
 *   any -> stopping -> stopped                                       asked to
 *
 * The first start fails loudly and is not repeated: a process that never was ready has a fault to be mended.
 */
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, type ChildCommand, describeExit, type Exit, startChild } from './child.ts';
import { logTail } from './log-file.ts';
import { deathsMax, restartDelayMs } from './restart-policy.ts';

export type State = 'starting' | 'ready' | 'restarting' | 'failed' | 'stopping' | 'stopped';

export interface Supervision {
  readonly name: string;
  /** Asked before every start, so that a start may prepare anew. */
  readonly command: () => Promise<ChildCommand>;
  /** One look: is it ready? A rejection means not yet; its text is shown when the deadline passes. */
  readonly probe: () => Promise<void>;
  readonly readyTimeoutMs: number;
  /** @default 'SIGTERM' */
  readonly stopSignal?: NodeJS.Signals;
  /** From the stop signal to SIGKILL. */
  readonly stopTimeoutMs: number;
  readonly log: Writable;
  readonly logPath: string;
  /** One line for the person at the terminal. */
  readonly tell: (line: string) => void;
  /** Called with the living process id, and with `undefined` when it has ended. */
  readonly onProcess: (pid: number | undefined) => void;
  /** Aborted: a start under way gives up, a process that ends is not started again. */
  readonly cancelled: AbortSignal;
  /** @default restart-policy.ts */
  readonly delayMs?: (deathsMs: readonly number[]) => number | undefined;
}

export interface Supervised {
  readonly name: string;
  readonly state: State;
  /** The process as it is now; `undefined` between two of them. */
  readonly pid: number | undefined;
  /** Stops it and starts it anew; not counted as a death. Resolves when it is ready again. */
  restart(): Promise<void>;
  /** Stop signal, time to drain, then SIGKILL to its group. Idempotent. */
  stop(): Promise<void>;
  /** SIGKILL now. */
  kill(): void;
}

/**
 * Starts a process and resolves when it is ready.
 *
 * @throws Error when it ends or is not ready in time: what it said last, and where its log lies.
 */
export async function supervise(given: Supervision): Promise<Supervised> {
  let state: State = 'starting';
  let child: Child | undefined;
  /** Ends the watch over the present child, so that a wanted end is not taken for a death. */
  let watched = 0;
  let stopping: Promise<void> | undefined;
  let reviving: Promise<void> = Promise.resolve();
  const cancel = new AbortController();
  const cancelled = AbortSignal.any([cancel.signal, given.cancelled]);
  const deathsMs: number[] = [];

  async function start(): Promise<void> {
    if (cancelled.aborted) throw new Error(`${given.name} is not started: the deployment is being stopped`);
    const started = await startChild(await given.command(), given.log);
    child = started;
    given.onProcess(started.pid);
    void started.exited.then(() => {
      if (child !== started) return;
      child = undefined;
      given.onProcess(undefined);
    });
    try {
      await untilReady(given, started, cancelled);
    } catch (error) {
      started.kill();
      await started.exited;
      throw error;
    }
    if (stopping === undefined) state = 'ready';
    const watch = ++watched;
    void started.exited.then((exit) => {
      if (watch === watched && stopping === undefined && !cancelled.aborted) reviving = revive(exit);
    });
  }

  async function revive(exit: Exit): Promise<void> {
    let how = describeExit(exit);
    while (!cancelled.aborted) {
      state = 'restarting';
      deathsMs.push(Date.now());
      const delayMs = (given.delayMs ?? restartDelayMs)(deathsMs);
      if (delayMs === undefined) {
        state = 'failed';
        given.tell(
          `${given.name} ended again (${how}), more than ${deathsMax} times within a minute: it is not started again, everything else goes on. Its log: ${given.logPath}`,
        );
        return;
      }
      given.tell(`${given.name} ended (${how}); starting it again in ${delayMs / 1000} s`);
      await sleep(delayMs, undefined, { signal: cancelled }).catch(() => {});
      if (cancelled.aborted) return;
      try {
        await start();
        given.tell(`${given.name} is back`);
        return;
      } catch (error) {
        how = firstLine(error);
      }
    }
  }

  async function end(): Promise<void> {
    const ending = child;
    if (ending === undefined) return;
    ending.signal(given.stopSignal ?? 'SIGTERM');
    const timer = setTimeout(() => ending.kill(), given.stopTimeoutMs);
    await ending.exited;
    clearTimeout(timer);
  }

  async function stopOnce(): Promise<void> {
    state = 'stopping';
    await end();
    // A start that was just under way ends itself, for it was cancelled.
    await reviving;
    await end();
    state = 'stopped';
  }

  await start();
  return {
    name: given.name,
    get state() {
      return state;
    },
    get pid() {
      return child?.pid;
    },
    restart: async () => {
      // A restart under way already is let finish: two at once would start two processes.
      await reviving;
      watched++;
      state = 'restarting';
      await end();
      deathsMs.length = 0;
      await start().catch((error) => {
        state = 'failed';
        throw error;
      });
    },
    stop: () => {
      cancel.abort();
      stopping ??= stopOnce();
      return stopping;
    },
    kill: () => child?.kill(),
  };
}

/** Often enough that nobody waits for it, seldom enough that a slow start is not slowed further. */
const probeEveryMs = 50;

async function untilReady(given: Supervision, child: Child, cancelled: AbortSignal): Promise<void> {
  const deadline = AbortSignal.any([AbortSignal.timeout(given.readyTimeoutMs), cancelled]);
  let exit: Exit | undefined;
  void child.exited.then((value) => {
    exit = value;
  });
  let last = 'no answer yet';
  for (;;) {
    if (exit) throw new Error(`${given.name} ended while starting (${describeExit(exit)}).${lastWords(given)}`);
    if (cancelled.aborted) throw new Error(`${given.name} was stopped while starting`);
    if (deadline.aborted)
      throw new Error(
        `${given.name} was not ready within ${given.readyTimeoutMs / 1000} s (${last}).${lastWords(given)}`,
      );
    try {
      await given.probe();
      return;
    } catch (error) {
      last = firstLine(error);
    }
    await sleep(probeEveryMs);
  }
}

function lastWords({ logPath }: Supervision): string {
  const tail = logTail(logPath);
  return ` Its log: ${logPath}${tail && `\n${tail}`}`;
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message || error.name : error).split('\n')[0] ?? '';
}
