/** Starts the web tier. */
import { readSettings } from '../shared/env.ts';
import { publishFigures } from '../shared/figures/publish-figures.ts';
import { listen } from '../shared/http/http.ts';
import { createLogger } from '../shared/log.ts';
import { selfRequest } from '../shared/warm-up/self-request.ts';
import { createWebApp } from './app.ts';

const settings = readSettings('web');
const log = createLogger('web', { level: settings.LOG_LEVEL, replica: settings.REPLICA });
const app = await createWebApp({ log });
app.warmUp(() => selfRequest(app, { path: '/' }));
const stopFigures = publishFigures({ registry: app.metrics, log, tier: 'web', settings, figures: {} });
await listen(app, settings, stopFigures);
