/** Starts the web tier. */
import { readSettings } from '../shared/env.ts';
import { listen } from '../shared/http.ts';
import { createLogger } from '../shared/log.ts';
import { createWebApp } from './app.ts';

/** The tenth request is as fast as the hundredth. */
const warmRounds = 10;

const settings = readSettings('web');
const log = createLogger('web', { level: settings.LOG_LEVEL, replica: settings.REPLICA });
const app = await createWebApp({ log });
// Ready means warm: the page's own path is compiled before the first person takes it.
for (let round = 0; round < warmRounds; round += 1) await app.http.inject('/');
await listen(
  app,
  { host: settings.HOST, port: settings.PORT, stopTimeoutMs: settings.STOP_TIMEOUT_MS },
  async () => {},
);
