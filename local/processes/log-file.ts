/** A log that cannot fill the disk: two files, the older one is dropped. */
import { closeSync, fstatSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { Writable } from 'node:stream';

/** 10 MiB holds about a day of a busy service; with the older half each service is bounded by 20 MiB. */
export const logBytesMax = 10 * 1024 * 1024;

/** Appends to `path`; above `bytesMax` the file becomes `<path>.1` and a new one begins. */
export function openLog(path: string, bytesMax = logBytesMax): Writable {
  let file = openSync(path, 'a', 0o600);
  let bytes = fstatSync(file).size;
  return new Writable({
    // Synchronous: the lines of a process that was killed are on disk when the message about its end is shown.
    write(chunk: Buffer, _encoding, done) {
      try {
        if (bytes > 0 && bytes + chunk.length > bytesMax) {
          closeSync(file);
          renameSync(path, `${path}.1`);
          file = openSync(path, 'a', 0o600);
          bytes = 0;
        }
        writeSync(file, chunk);
        bytes += chunk.length;
      } catch {
        // A full disk must not take the services down with their logs; the disk check says what is wrong.
      }
      done();
    },
    final(done) {
      closeSync(file);
      done();
    },
  });
}

/** The last lines of a log, for a message about why a process ended. */
export function logTail(path: string, lines = 20): string {
  try {
    return readFileSync(path, 'utf8').slice(-16_384).trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}
