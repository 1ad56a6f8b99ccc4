/**
 * A tenant at the maximum of everything, as a process of its own: `node test/chaos/scenarios/noise.ts` with NOISE_URL, NOISE_KEY,
 * NOISE_BRAIN and NOISE_MS. What it is refused is its own affair; it prints answers by status when it ends.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Parts } from '../../../client/request.ts';
import { type Route, routes } from '../../../services/shared/contract/routes.ts';
import { Client } from '../../flows/client.ts';
import { manualPdf } from '../../flows/documents.ts';

const { NOISE_URL = '', NOISE_KEY = '', NOISE_BRAIN: brain = '', NOISE_MS } = process.env;
/** Of each kind, without a pause: more than any share of a tenant, few enough not to be a test of this machine's sockets. */
const [uploaders, chatUsers, readers, streams] = [4, 24, 12, 8] as const;
/** After a refusal, as a rude client does. */
const refusedPauseMs = 50;

const end = Date.now() + Number(NOISE_MS);
const ended = AbortSignal.timeout(Number(NOISE_MS));
const statuses: Record<number, number> = {};
const manual = await readFile(manualPdf);
let copies = 0;

async function send(route: Route, options: Parts = {}): Promise<Response | undefined> {
  const call = new Client(NOISE_URL, NOISE_KEY).send(route, { ...options, signal: ended });
  const answer = await call.catch(() => undefined);
  statuses[answer?.status ?? 0] = (statuses[answer?.status ?? 0] ?? 0) + 1;
  if (!answer?.ok) await sleep(refusedPauseMs);
  return answer;
}

async function upload() {
  const form = new FormData();
  copies += 1;
  form.append('file', new Blob([new Uint8Array(manual), `\n% copy ${copies}\n`]), 'manual.pdf');
  await (await send(routes.uploadDocument, { params: { brain }, body: form }))?.text();
}

async function ask() {
  const made = await send(routes.createConversation, { body: { brain_id: brain } });
  if (made?.status !== 201) return;
  const { id } = (await made.json()) as { id: string };
  const question = 'How are objects, vectors and data frames made, and what are they for? '.repeat(50);
  await (await send(routes.createTurn, { params: { conversation: id }, body: { question } }))?.text();
}

const read = async () => void (await (await send(routes.listDocuments, { params: { brain } }))?.text());
const watch = async () => void (await (await send(routes.events))?.text());

const repeat = async (act: () => Promise<void>) => {
  while (Date.now() < end) await act().catch(() => sleep(refusedPauseMs));
};
const all = (count: number, act: () => Promise<void>) => Array.from({ length: count }, () => repeat(act));
await Promise.all([...all(uploaders, upload), ...all(chatUsers, ask), ...all(readers, read), ...all(streams, watch)]);
process.stdout.write(`${JSON.stringify(statuses)}\n`);
process.exit(0);
