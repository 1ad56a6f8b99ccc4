/**
 * The api tier as a process: `node services/api/main.ts` serves; `… migrate` brings the schema up to date and exits;
 * `… owner-link` makes sure that there is an owner and prints `{"token": "..."}`, a one-time sign-in link's token.
 */
import { Argument, Command } from 'commander';
import { readMigrationSettings, readSettings } from '../shared/env.ts';
import { listen } from '../shared/http/http.ts';
import { createLogger } from '../shared/log.ts';
import { openDatabase } from '../shared/postgres/database.ts';
import { createApi } from './app.ts';
import { ownerLink } from './identity/owner.ts';
import { migrateAll } from './migrate.ts';

const [command] = new Command('services/api/main.ts')
  .addArgument(new Argument('[command]', 'none to serve').choices(['migrate', 'owner-link']))
  .parse().args;
const settings = readSettings('api');
// Standard output of owner-link is its answer alone.
const level = command === 'owner-link' ? 'silent' : settings.LOG_LEVEL;
const log = createLogger('api', { level, replica: settings.REPLICA });

if (command === 'migrate') {
  const { DATABASE_OWNER_URL, DATABASE_ROLE_PASSWORDS } = readMigrationSettings();
  await migrateAll(DATABASE_OWNER_URL, log, JSON.parse(DATABASE_ROLE_PASSWORDS));
} else if (command === 'owner-link') {
  const { db, close } = openDatabase({ url: settings.DATABASE_URL, connectionsMax: 1, log });
  console.log(JSON.stringify({ token: await ownerLink(db) }));
  await close();
} else {
  const { app, close, warmUp } = await createApi(settings, log);
  app.warmUp(warmUp);
  await listen(app, settings, close);
}
