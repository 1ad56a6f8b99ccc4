/** Starts the vectorstore: `node services/vectorstore/main.ts`. */
import { generateKeyPair } from 'jose';
import { sql } from 'kysely';
import { createVerifier, signWith } from '../shared/auth/service-token.ts';
import { readSettings } from '../shared/env.ts';
import { publishFigures } from '../shared/figures/publish-figures.ts';
import { listen } from '../shared/http/http.ts';
import { createLogger } from '../shared/log.ts';
import { openDatabase, schemaCheck } from '../shared/postgres/database.ts';
import { isReachable, openDocumentStore } from '../shared/storage/document-store.ts';
import { createVectorstoreApp } from './app.ts';
import { openBrainTables } from './tables/brain-tables.ts';
import { createWriterLock } from './tables/writer-lock.ts';
import { createVectorStore } from './vector-store.ts';
import { loadEngine, warmUp } from './warm-up.ts';

/** What a replica that was killed left untidied waits no longer than this, plus the usual retention. */
const tidyEveryMs = 60 * 60_000;

const settings = readSettings('vectorstore');
const log = createLogger('vectorstore', { level: settings.LOG_LEVEL, replica: settings.REPLICA });
const { db, pool, close } = openDatabase({
  url: settings.DATABASE_URL,
  connectionsMax: settings.DATABASE_CONNECTIONS_MAX,
  log,
});
const documents = await openDocumentStore(settings.DOCUMENT_STORE_URL);
const tables = openBrainTables(settings.DOCUMENT_STORE_URL, settings.CACHE_MIB);
const store = createVectorStore({ db, documents, tables, lock: createWriterLock(pool), log });

const own = await generateKeyPair('Ed25519');
let warm = false;
const isCurrent = schemaCheck(db);
const app = createVectorstoreApp({
  store,
  log,
  verify: await createVerifier('vectorstore', settings.SERVICE_TOKEN_PUBLIC_KEYS, own.publicKey),
  notReady: async () => {
    if (!warm) return 'warming up';
    return (await isCurrent()) ? null : 'the database schema is older than this build';
  },
  dependencies: [
    { name: 'postgres', check: () => sql`select 1`.execute(db) },
    { name: 'document-store', check: () => isReachable(documents) },
  ],
});
app.warmUp(() => warmUp(app, store, signWith('vectorstore', own.privateKey)));
const stopFigures = publishFigures({ registry: app.metrics, log, tier: 'vectorstore', settings, db, figures: {} });
const tidy = () => store.tidyRecent().catch((error) => log.warn({ err: error }, 'recent brains not tidied'));
const timer = setInterval(tidy, tidyEveryMs);

await listen(app, settings, async () => {
  clearInterval(timer);
  await stopFigures();
  await store.close();
  await close();
});
await loadEngine();
warm = true;
await tidy();
