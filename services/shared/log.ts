/** Structured logs: one JSON object a line on standard output. */
import { type Logger, pino } from 'pino';

export type { Logger };

export function createLogger(service: string, { level = 'info', replica = '' } = {}): Logger {
  return pino({
    level,
    base: { service, ...(replica && { replica }) },
    timestamp: pino.stdTimeFunctions.isoTime,
    // Never let a credential into a log line, whoever logs the request.
    redact: ['req.headers.authorization', 'req.headers.cookie', 'res.headers["set-cookie"]'],
  });
}
