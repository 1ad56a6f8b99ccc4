/**
 * A document that takes 15 minutes, by a caller that waits for the answer and by one that comes back: how long the caller
 * is busy (which its platform bills), and what the parser is paid for nothing. Both in the same run, against the same
 * reference parser, with a minute made shorter; what the service itself takes is not scaled. Then how long an upload and a
 * poll take while others are read.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { terminalStatuses } from '../../services/shared/contract/job.ts';
import { routes } from '../../services/shared/contract/routes.ts';
import { type Flow, openFlow } from '../flows/deployment.ts';
import { writePdf } from '../flows/documents.ts';
import { type ReferenceParser, startReferenceParser } from '../support/reference-parser/server.ts';
import { acceptingRows } from './async/accepting.ts';
import { atMost, must, onQuietMachine, type Row, told } from './report/rows.ts';

const jobMinutes = 15;
const pages = 30;
/** The longest that a platform lets a caller wait, and how often it then tries again: the article's figures. */
const syncMinutesMax = 5;
const syncRetries = 2;
/** When the caller comes back: after 5 minutes, then every 10. */
const pollMinutes = [5, 10, 10, 10, 10] as const;
/** Of what a caller that waits is busy. */
const callerShareMax = 0.01;
const callerSecondsMax = 2;

export const run = async ({ quick }: { readonly quick: boolean }): Promise<Row[]> => [
  ...(await longJobRows(quick)),
  ...(await acceptingRows(quick)),
];

async function longJobRows(quick: boolean): Promise<Row[]> {
  const minuteMs = quick ? 400 : 4000;
  const parser = await startReferenceParser({ pageMs: (jobMinutes * minuteMs) / pages });
  const flow = await openFlow({
    outer: {
      PARSER_BACKEND: 'docling',
      PARSER_URL: parser.url,
      PARSER_PAGES_PER_REQUEST: '1',
      // One page after the other: 15 minutes.
      PARSER_REQUESTS_MAX: '1',
    },
  });
  try {
    const words = Array.from({ length: pages }, (_, page) => `Page ${page + 1} of a document that takes its time.`);
    const path = await writePdf(join(flow.folder, 'slow.pdf'), words);
    const async = await comingBack(flow, parser, path, minuteMs);
    const sync = await waiting(parser, path, minuteMs);
    return [
      atMost(callerShareMax, {
        row: 'A9',
        name: `a caller of a ${jobMinutes}-minute document is busy, against one that waits`,
        value: async.busySeconds / sync.busySeconds,
        unit: 'x',
      }),
      onQuietMachine(
        quick,
        atMost(callerSecondsMax, {
          row: 'A9',
          name: `a caller of a ${jobMinutes}-minute document is busy`,
          value: async.busySeconds,
          unit: 's',
          baseline: sync.busySeconds,
        }),
      ),
      must('= 1, each page once', async.pages === pages, {
        row: 'A9',
        name: 'pages paid for a page of it, sent twice by its caller',
        value: async.pages / pages,
        unit: 'x',
        baseline: sync.pages / pages,
      }),
      must('= 0', async.status === 'succeeded' && async.pages - pages === 0, {
        row: 'A9',
        name: 'pages paid for nothing',
        value: async.pages - async.results,
        unit: 'pages',
        baseline: sync.pages - sync.results,
      }),
      told('not scaled', { row: 'A2', name: 'until 202, its transfer included', value: async.acceptedMs, unit: 'ms' }),
    ];
  } finally {
    await flow.close();
    await parser.close();
  }
}

/** Uploads, loses the answer, uploads again; comes back after minutes, and fetches the pages. */
async function comingBack({ owner }: Flow, parser: ReferenceParser, path: string, minuteMs: number) {
  const brain = (await owner.call(routes.createBrain, { body: { name: 'Slow' } })).id;
  let busyMs = 0;
  const busy = async <Answer>(act: () => Promise<Answer>): Promise<Answer> => {
    const start = performance.now();
    const answer = await act();
    busyMs += performance.now() - start;
    return answer;
  };
  const headers = { 'idempotency-key': 'the-same' };
  const { id } = await busy(() => owner.ingest(brain, path, { headers }));
  const acceptedMs = busyMs;
  await busy(() => owner.ingest(brain, path, { headers }));
  let status = '';
  for (const minutes of pollMinutes) {
    await sleep(minutes * minuteMs);
    ({ status } = await busy(() => owner.call(routes.getJob, { params: { job: id } })));
    if (terminalStatuses.has(status as never)) break;
  }
  const { data } = await busy(() => owner.call(routes.getJobPages, { params: { job: id }, query: { limit: 200 } }));
  const results = data.filter(({ error }) => error === null).length;
  return { busySeconds: busyMs / 1000, acceptedMs, status, results, pages: parser.pages };
}

/** Sends the document and waits, as long as it may; then again. The parser does not know that nobody waits any more. */
async function waiting(parser: ReferenceParser, path: string, minuteMs: number) {
  const before = parser.pages;
  const start = performance.now();
  let results = 0;
  for (let attempt = 0; attempt <= syncRetries && results === 0; attempt += 1) {
    const form = new FormData();
    form.append('files', new Blob([await readFile(path)], { type: 'application/pdf' }), 'slow.pdf');
    const signal = AbortSignal.timeout(syncMinutesMax * minuteMs);
    await fetch(`${parser.url}/v1/convert/file`, { method: 'POST', body: form, signal })
      .then((response) => response.json())
      .then(() => {
        results = pages;
      })
      .catch(() => {});
  }
  const minutes = (performance.now() - start) / minuteMs;
  return { busySeconds: minutes * 60, pages: parser.pages - before, results };
}
