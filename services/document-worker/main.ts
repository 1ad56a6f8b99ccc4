/** Starts the document-worker. */
import { readSettings } from '../shared/env.ts';
import { listen } from '../shared/http.ts';
import { createLogger } from '../shared/log.ts';
import { createDocumentWorker } from './app.ts';

/** Left of the stop time for closing connections after the last grant. */
const closeReserveMs = 5000;

const settings = readSettings('document-worker');
const log = createLogger('document-worker', { level: settings.LOG_LEVEL, replica: settings.REPLICA });
const { app, close } = await createDocumentWorker(settings, log, { onFatal: () => process.exit(1) });
await listen(app, settings, () => close(Math.max(0, settings.STOP_TIMEOUT_MS - closeReserveMs)));
