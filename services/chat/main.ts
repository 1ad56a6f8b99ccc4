/** Starts chat: `node services/chat/main.ts`. */
import { createAuthenticate } from '../shared/auth/auth.ts';
import { readSettings } from '../shared/env.ts';
import { listen } from '../shared/http/http.ts';
import { createLogger } from '../shared/log.ts';
import { openDatabase } from '../shared/postgres/database.ts';
import { createChat } from './app.ts';

const settings = readSettings('chat');
const log = createLogger('chat', { level: settings.LOG_LEVEL, replica: settings.REPLICA });
const { db, close } = openDatabase({
  url: settings.DATABASE_URL,
  connectionsMax: settings.DATABASE_CONNECTIONS_MAX,
  log,
});
const authenticate = createAuthenticate({
  db,
  authSecret: settings.AUTH_SECRET,
  publicUrl: settings.PUBLIC_URL,
  tenantRequestsPerSecond: settings.TENANT_REQUESTS_PER_SECOND,
});
const chat = await createChat({ settings, db, authenticate, log });
chat.app.warmUp(chat.warmUp);

await listen(chat.app, settings, async () => {
  await chat.close();
  await close();
});
