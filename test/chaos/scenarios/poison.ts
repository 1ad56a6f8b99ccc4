/** Documents made to end workers, among those of others, under the heap flags of an environment. */
import { readFile } from 'node:fs/promises';
import { expect } from '@jest/globals';
import { job as jobSchema } from '../../../services/shared/contract/job.ts';
import { routes } from '../../../services/shared/contract/routes.ts';
import { lacksManuals, manualPdf } from '../../flows/documents.ts';
import { brokenKoreanPdf, crowdedPdf } from '../../services/document-worker/documents.ts';
import type { Cluster } from '../cluster.ts';
import { newTenant } from '../tenants.ts';

interface Poison {
  readonly bytes: () => Promise<Uint8Array>;
  readonly ends: { readonly status: string; readonly code?: string };
}

const poisons = (long: boolean): Readonly<Record<string, Poison>> => ({
  'short lines without end': {
    bytes: async () => crowdedPdf(long ? 50 : 10, 60_000),
    ends: { status: 'failed', code: 'damaged' },
  },
  'pages as full as they may be': {
    bytes: async () => crowdedPdf(long ? 50 : 5, 10_000),
    ends: { status: 'succeeded' },
  },
  'a page that is not there': {
    bytes: async () => brokenKoreanPdf('한국어'),
    ends: { status: 'partial' },
  },
  ...(lacksManuals === null && {
    'half a file': {
      bytes: async () => (await readFile(manualPdf)).subarray(0, 300_000),
      ends: { status: 'failed', code: 'damaged' },
    },
  }),
});

/** Uploads them all at once and waits for the end of each. */
export async function poison(cluster: Cluster, { long }: { readonly long: boolean }): Promise<void> {
  const { owner } = await newTenant(cluster, 'hostile');
  const brain = (await owner.call(routes.createBrain, { body: { name: 'hostile' } })).id;
  const ends = await Promise.all(
    Object.entries(poisons(long)).map(async ([name, { bytes, ends }]) => {
      const form = new FormData();
      form.append('file', new Blob([new Uint8Array(await bytes())]), `${name}.pdf`);
      const answer = await owner.send(routes.uploadDocument, { params: { brain }, body: form });
      expect([name, answer.status]).toEqual([name, 202]);
      const { status, error } = await owner.finished(jobSchema.parse(await answer.json()).id, 300_000);
      return [name, { status, code: error?.code }, { code: undefined, ...ends }] as const;
    }),
  );
  for (const [name, was, expected] of ends) expect([name, was]).toEqual([name, expected]);
}
