/** What one tenant notices of another that makes all the noise it can. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { routes } from '../../../services/shared/contract/routes.ts';
import { Client } from '../../flows/client.ts';
import { type Flow, openFlow } from '../../flows/deployment.ts';
import { textUpload } from '../tenants.ts';

export interface Felt {
  /** 95 % of calls took at most so long. */
  readonly callMs: number;
  /** 95 % of first tokens. */
  readonly firstTokenMs: number;
  readonly calls: number;
  /** Answers that were not what was asked for. */
  readonly refused: number;
}

/** A stretch of noise between two without. */
export interface Round {
  readonly before: Felt;
  readonly beside: Felt;
  readonly after: Felt;
  /** What the noisy one was answered. */
  readonly noise: string;
}

/** The machine itself may be noisy: each stretch of noise is held against what was felt just before and just after. */
const rounds = 3;

/**
 * In a whole local deployment: what stands between people and stores in a cluster that is broken on purpose (proxies, the
 * S3 for tests) would cost more than all tiers.
 */
export async function besideNoise(eachMs: number): Promise<Round[]> {
  const flow = await openFlow();
  try {
    const [loud, quiet] = [await newTenant(flow, 'loud'), await newTenant(flow, 'quiet')];
    const brainOf = async (client: Client) => (await client.call(routes.createBrain, { body: { name: 'b' } })).id;
    const [loudBrain, quietBrain] = [await brainOf(loud.client), await brainOf(quiet.client)];
    const { id } = (await (await textUpload(quiet.client, quietBrain, 'Annual leave is twenty five days.')).json()) as {
      id: string;
    };
    await quiet.client.finished(id);
    await feel(quiet.client, quietBrain, 3000);
    const felt: Round[] = [];
    let before = await feel(quiet.client, quietBrain, eachMs);
    for (let round = 1; round <= rounds; round += 1) {
      const noise = makeNoise(flow.deployment.url, loud.key, loudBrain, eachMs + 4000);
      await sleep(2000);
      const beside = await feel(quiet.client, quietBrain, eachMs);
      const { stdout } = await noise;
      for (const { id } of (await loud.client.call(routes.listJobs, { query: { limit: 100 } })).data)
        await loud.client.send(routes.cancelJob, { params: { job: id } });
      await sleep(5000);
      const after = await feel(quiet.client, quietBrain, eachMs);
      felt.push({ before, beside, after, noise: stdout.trim() });
      before = after;
    }
    return felt;
  } finally {
    await flow.close();
  }
}

/** Of a tenant: some 50,000 pages, which keep the workers busy for all rounds. Without a quota one may fill the disk. */
const documentsMax = 20;

async function newTenant({ owner, deployment }: Flow, name: string): Promise<{ key: string; client: Client }> {
  const { id } = await owner.call(routes.createTenant, { body: { name, quotas: { documents_max: documentsMax } } });
  await owner.call(routes.switchTenant, { body: { tenant_id: id } });
  const { secret: key } = await owner.call(routes.createKey, {
    body: { name, scopes: ['documents:read', 'documents:write', 'chat'] },
  });
  return { key, client: new Client(deployment.url, key) };
}

/** Clients have machines of their own: here they get what the service leaves of this one. */
const makeNoise = (url: string, key: string, brain: string, ms: number) =>
  promisify(execFile)('nice', ['-n', '19', process.execPath, join(import.meta.dirname, 'noise.ts')], {
    env: {
      PATH: process.env.PATH,
      NOISE_URL: url,
      NOISE_KEY: key,
      NOISE_BRAIN: brain,
      NOISE_MS: String(ms),
    },
  });

/** One person's calls and questions, one after the other. */
async function feel(client: Client, brain: string, ms: number): Promise<Felt> {
  const [calls, tokens]: [number[], number[]] = [[], []];
  let refused = 0;
  for (const end = Date.now() + ms; Date.now() < end; await sleep(50)) {
    const startedMs = performance.now();
    const answer = await client.send(routes.listDocuments, { params: { brain } });
    await answer.text();
    calls.push(performance.now() - startedMs);
    if (!answer.ok) refused += 1;
    if (calls.length % 3 > 0) continue;
    const token = await firstTokenMs(client, brain);
    if (token === null) refused += 1;
    else tokens.push(token);
  }
  return { callMs: p95(calls), firstTokenMs: p95(tokens), calls: calls.length, refused };
}

async function firstTokenMs(client: Client, brain: string): Promise<number | null> {
  const { id } = await client.call(routes.createConversation, { body: { brain_id: brain } });
  const startedMs = performance.now();
  const options = { params: { conversation: id }, body: { question: 'How many days of annual leave?' } };
  const answer = await client.send(routes.createTurn, options);
  if (answer.status !== 200) return null;
  let text = '';
  let first: number | null = null;
  for await (const chunk of (answer.body as ReadableStream<Uint8Array>).pipeThrough(
    new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>,
  )) {
    text += chunk;
    if (first === null && text.includes('event: token')) first = performance.now() - startedMs;
  }
  return first;
}

function p95(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.ceil(sorted.length * 0.95) - 1] ?? Number.NaN);
}
