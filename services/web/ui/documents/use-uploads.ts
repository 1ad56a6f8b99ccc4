/** The page's one upload queue, and the uploads of one brain. */
import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import { useCopy } from '../copy/index.tsx';
import { call } from '../data/http.ts';
import { keys } from '../data/keys.ts';
import { upsert } from '../data/lists.ts';
import { type Upload, Uploads } from '../data/uploads.ts';
import { announce } from '../parts/announcer.tsx';
import { type Limits, refusal } from './document-state.ts';

export function useUploads(brain: string, limits: Limits | undefined) {
  const copy = useCopy();
  const queue = queueFor(useQueryClient());
  const all = useSyncExternalStore(queue.subscribe, queue.snapshot);
  const uploads: readonly Upload[] = all.filter((upload) => upload.brain === brain);
  const add = (files: readonly File[]) => {
    if (files.length === 0 || !limits) return;
    queue.add(brain, files, (file) => refusal(file, copy, limits));
    announce(copy.documents.announceStarted(files.map(({ name }) => name)));
  };
  return { uploads, add, queue };
}

const queues = new WeakMap<QueryClient, Uploads>();

function queueFor(client: QueryClient): Uploads {
  const known = queues.get(client);
  if (known) return known;
  const queue = new Uploads(async (brain, job) => {
    if (!job.document_id) return;
    // The document's own row takes over without a gap; events keep it current from here.
    const document = await call('GET /v1/documents/{document}', { params: { document: job.document_id } });
    upsert(client, keys.documents(brain), document);
  });
  queues.set(client, queue);
  return queue;
}
