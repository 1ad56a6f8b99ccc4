/** Starts the embedding: `node services/embedding/main.ts`. */
import { generateKeyPair } from 'jose';
import { createVerifier, signWith } from '../shared/auth/service-token.ts';
import { embeddingPath } from '../shared/contract/embedding.ts';
import { readSettings } from '../shared/env.ts';
import { publishFigures } from '../shared/figures/publish-figures.ts';
import { listen } from '../shared/http/http.ts';
import { createLogger } from '../shared/log.ts';
import { selfRequest } from '../shared/warm-up/self-request.ts';
import { createEmbeddingApp } from './app.ts';
import { startEngine } from './inference/engine.ts';
import { artefact } from './weights/artefact.ts';
import { faultOfWeights } from './weights/prepared.ts';

/** For a call to itself. */
const nobody = '00000000-0000-7000-8000-000000000000';

const settings = readSettings('embedding');
const log = createLogger('embedding', { level: settings.LOG_LEVEL, replica: settings.REPLICA });
const fault = await faultOfWeights(settings.EMBEDDING_WEIGHTS_FOLDER);
if (fault)
  throw new Error(
    `the weights of ${artefact.model} are not whole: ${fault}; services/embedding/fetch-weights.ts brings them`,
  );
const engine = await startEngine(settings.EMBEDDING_WEIGHTS_FOLDER);
const own = await generateKeyPair('Ed25519');
const app = createEmbeddingApp({
  engine,
  log,
  verify: await createVerifier('embedding', settings.SERVICE_TOKEN_PUBLIC_KEYS, own.publicKey),
});
app.warmUp(async () => {
  const call = { to: 'embedding', verb: 'embed', tenantId: nobody, brainId: nobody } as const;
  const headers = { authorization: `Bearer ${await signWith('embedding', own.privateKey)(call)}` };
  await selfRequest(app, {
    path: embeddingPath,
    headers,
    body: { model: artefact.model, input: 'What is a bulkhead?' },
  });
});
const stopFigures = publishFigures({ registry: app.metrics, log, tier: 'embedding', settings, figures: {} });
let closing = false;
engine.lost.catch((error) => {
  if (closing) return;
  log.fatal({ err: error }, 'ended: whoever started this process starts it again');
  process.exit(1);
});
await listen(app, settings, async () => {
  closing = true;
  await stopFigures();
  await engine.close();
});
