/** A document-worker's process whose parser children do what parser/hostile-child.ts is told. */
import { join } from 'node:path';
import { createDocumentWorker } from '../../../../services/document-worker/app.ts';
import { readSettings } from '../../../../services/shared/env.ts';
import { listen } from '../../../../services/shared/http/http.ts';
import { createLogger } from '../../../../services/shared/log.ts';

const settings = readSettings('document-worker');
const { app, close } = await createDocumentWorker(settings, createLogger('test', { level: settings.LOG_LEVEL }), {
  childModule: join(import.meta.dirname, '../parser/hostile-child.ts'),
  onFatal: () => process.exit(1),
});
await listen(app, settings, () => close(5000));
