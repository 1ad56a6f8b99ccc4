/** What must hold once everything is healed: all work ends, and everything adds up. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { routes } from '../../services/shared/contract/routes.ts';
import { Client } from '../flows/client.ts';
import type { Cluster } from './cluster.ts';
import { findWords } from './scenarios/erasure.ts';
import { findInVectors } from './scenarios/vectors.ts';
import { secretPattern, type Workload } from './workload.ts';

/** From the last fault until all work is done, on a machine three times slower. */
const settleTimeoutMs = 240_000;

interface JobRow {
  readonly id: string;
  readonly kind: string;
  readonly status: string;
  readonly error: unknown;
}

/** Every accepted document is searchable, or deleted if somebody said so; nothing is missing, left over or there twice. */
export async function expectConserved(cluster: Cluster, workload: Workload): Promise<void> {
  const { accepted, deleted } = workload;
  await allEnded(cluster);
  const wanted = [...accepted.values()].filter(({ documentId }) => !deleted.has(documentId)).map(({ jobId }) => jobId);
  const deletions = [...deleted.values()].filter(Boolean);
  const rows = (await cluster.services.query('select id, kind, status, error from jobs where id = any($1)', [
    [...wanted, ...deletions],
  ])) as JobRow[];
  expect(rows.length).toBe(wanted.length + deletions.length);
  expect(rows.filter(({ status }) => status !== 'succeeded')).toEqual([]);
  const client = Client.ofSession(cluster.url, cluster.owner.cookie);
  for (const document of deleted.keys())
    expect((await client.send(routes.getDocument, { params: { document } })).status).toBe(404);
  expect(JSON.parse(await cluster.run('document-worker', 'verify', '--json'))).toEqual([]);
  await expectErased(cluster, workload);
}

/** Waits until no job is under way. */
async function allEnded(cluster: Cluster): Promise<void> {
  for (const end = Date.now() + settleTimeoutMs; ; await sleep(250)) {
    const open = await cluster.services.query(
      'select id, kind, status, stage, pages_done, pages_total, moved_at from jobs where finished_at is null',
    );
    if (open.length === 0) return;
    if (Date.now() > end) throw new Error(`not ended in ${settleTimeoutMs} ms: ${JSON.stringify(open)}`);
  }
}

/** Nothing of the text of deleted documents stands anywhere; that of the others is found by the same search. */
async function expectErased(cluster: Cluster, { brain, accepted, deleted, startedAt }: Workload): Promise<void> {
  const found = await findWords(cluster, secretPattern, startedAt);
  const vectors = await findInVectors(cluster, brain, secretPattern);
  const [gone, kept] = [new Map<string, readonly string[]>(), [] as string[]];
  for (const { secret, documentId } of accepted.values()) {
    if (!secret) continue;
    const versions = (vectors.versions.get(secret) ?? []).map((version) => `version ${version} of the vectors`);
    if (deleted.has(documentId)) gone.set(secret, [...(found.get(secret) ?? []), ...versions]);
    else kept.push(secret);
  }
  expect([...gone].filter(([, places]) => places.length > 0)).toEqual([]);
  // The search sees what stands there. Files of vectors are not read as bytes alone: LanceDB may compress them.
  const seen = (secret: string) =>
    found.get(secret)?.some((key) => key.includes('/pages/')) && vectors.newest.has(secret);
  const unseen = kept.filter((secret) => !seen(secret));
  expect(unseen).toEqual([]);
  const objects = await cluster.s3.objects('chaos/');
  for (const document of deleted.keys()) expect(objects.filter((key) => key.includes(document))).toEqual([]);
}
