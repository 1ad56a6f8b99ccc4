/** Structured logs: one JSON object a line on standard output. */
import { type Logger, pino } from 'pino';

export type { Logger };

/** pino's. */
const errorLevel = 50;
let errors = 0;
/** Lines of level `error` and above that this process wrote since it started: what the alarm on each tier counts. */
export const errorLines = (): number => errors;

export function createLogger(service: string, { level = 'info', replica = '' } = {}): Logger {
  return pino({
    level,
    base: { service, ...(replica && { replica }) },
    hooks: {
      logMethod(parts, method, logLevel) {
        if (logLevel >= errorLevel) errors += 1;
        method.apply(this, parts);
      },
    },
    timestamp: pino.stdTimeFunctions.isoTime,
    // Never let a credential into a log line, whoever logs the request.
    redact: ['req.headers.authorization', 'req.headers.cookie', 'res.headers["set-cookie"]'],
  });
}
