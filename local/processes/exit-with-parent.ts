/**
 * Loaded into every Node process of the local run by `--import`: when the process that started it is gone (its end of
 * standard input closes, even by kill -9), it stops itself as if by SIGTERM.
 *
 * Only the direct child acts: Node hands `--import` on to forked children and threads, whose input is another one.
 */
import { closeSync, openSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

/** Time to end requests and give leases back; then the process must be gone, for nobody would stop it later. */
const drainMs = 10_000;

if (isMainThread && process.env.LIFELINE_OF === String(process.ppid)) {
  delete process.env.LIFELINE_OF;
  let over = false;
  const end = () => {
    if (over) return;
    over = true;
    // Nobody reads its output any more. A logger that insists (sonic-boom repeats a failed write for ever) would block
    // the drain, so both streams lead to nowhere from here on: an open takes the lowest free descriptor.
    for (const descriptor of [1, 2]) {
      closeSync(descriptor);
      openSync('/dev/null', 'w');
    }
    process.kill(process.pid, 'SIGTERM');
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), drainMs).unref();
  };
  process.stdin.once('end', end).once('error', end).once('close', end).resume();
  // Watching must not keep a process alive that has nothing left to do. A pipe's stream is a socket and has `unref`.
  if ('unref' in process.stdin) process.stdin.unref();
}
