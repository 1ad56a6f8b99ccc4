/**
 * The document-worker as a process: `node services/document-worker/main.ts` works; `… verify` runs the conservation
 * check and exits with 1 when something does not add up; `… verify --json` prints what as JSON.
 */
import { Argument, Command } from 'commander';
import { readSettings } from '../shared/env.ts';
import { listen } from '../shared/http/http.ts';
import { createLogger } from '../shared/log.ts';
import { createDocumentWorker } from './app.ts';
import { runVerify } from './verify/verify.ts';

/** Left of the stop time for closing connections after the last grant. */
const closeReserveMs = 5000;

const program = new Command('services/document-worker/main.ts')
  .addArgument(new Argument('[command]', 'none to work').choices(['verify']))
  .option('--json', 'prints what verify found as JSON')
  .parse();
const settings = readSettings('document-worker');
const log = createLogger('document-worker', { level: settings.LOG_LEVEL, replica: settings.REPLICA });

if (program.args[0] === 'verify')
  process.exitCode = await runVerify(settings, log, { json: program.opts().json === true });
else {
  const { app, close } = await createDocumentWorker(settings, log, { onFatal: () => process.exit(1) });
  await listen(app, settings, () => close(Math.max(0, settings.STOP_TIMEOUT_MS - closeReserveMs)));
}
