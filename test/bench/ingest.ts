/**
 * A large PDF through the real document-worker: pages per second, and the peak memory of each of its processes for
 * several sizes, which must be equal. Baseline of the rate: pdf.js reading the text of the same pages in one process.
 */

import { execFile, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { heapFlags } from '../../environments/budget/heap.ts';
import { hugePdf, lacksManuals, lacksQpdf } from '../flows/documents.ts';
import { type Bench, openBench } from '../services/document-worker/fixture.ts';
import setup from '../support/stores-server.ts';
import teardown from '../support/stores-teardown.ts';
import { atMost, must, onQuietMachine, type Row } from './report/rows.ts';

const memoryMiBMax = 256;
const growthMax = 1.1;
/** On two cores that nothing else uses; of the parser's own rate, which a busy machine lowers too, a share. */
const searchableMin = 340;
const searchableShareMin = 0.55;

export async function run({ quick }: { readonly quick: boolean }): Promise<Row[]> {
  const lacks = lacksManuals ?? lacksQpdf;
  if (lacks) throw new Error(`bench ingest cannot run: ${lacks}`);
  await setup();
  const bench = await openBench({ PAGES_MAX: '5000' });
  try {
    const sizes = quick ? [400, 2000] : [1000, 2000, 5000];
    const measured: Measured[] = [];
    for (const size of sizes) measured.push(await measure(bench, size));
    const [small, large] = [measured[0], measured.at(-1)] as [Measured, Measured];
    const pdfjs = await pdfjsPagesPerSecond(quick ? 100 : 500);
    const rate = (seconds: number) => large.pages / seconds;
    const share = large.parseSeconds / large.totalSeconds;
    const rows: Row[] = [
      must(
        'all pages, faster than pdf.js in one process',
        large.done === large.pages && rate(large.parseSeconds) > pdfjs,
        {
          row: 'D1',
          name: `${large.pages} pages, from queued to the last checkpoint`,
          value: rate(large.parseSeconds),
          unit: 'pages/s',
          baseline: pdfjs,
        },
      ),
      onQuietMachine(
        quick,
        must(
          `>= ${searchableMin}, succeeded`,
          large.status === 'succeeded' && rate(large.totalSeconds) >= searchableMin,
          {
            row: 'D1',
            name: `${large.pages} pages, from queued to searchable by text`,
            value: rate(large.totalSeconds),
            unit: 'pages/s',
            baseline: rate(large.parseSeconds),
          },
        ),
      ),
      must(`>= ${searchableShareMin}, succeeded`, large.status === 'succeeded' && share >= searchableShareMin, {
        row: 'D1',
        name: 'searchable by text, of the rate of parsing alone',
        value: share,
        unit: 'x',
      }),
    ];
    for (const [what, peak] of [
      ['worker', 'workerMiB'],
      ['parser child', 'childMiB'],
    ] as const) {
      rows.push(atMost(memoryMiBMax, { row: 'D2', unit: 'MiB', value: large[peak], name: `peak of the ${what}` }));
      for (const { pages, [peak]: value } of measured.slice(1)) {
        const name = `peak of the ${what}, ${pages} against ${small.pages} pages`;
        rows.push(atMost(growthMax, { row: 'D2', unit: 'x', value: value / small[peak], name }));
      }
    }
    return rows;
  } finally {
    await bench.close();
    await teardown();
  }
}

type Measured = Awaited<ReturnType<typeof measure>>;

/** One document in a worker of its own, so that peaks are this document's. */
async function measure(bench: Bench, pages: number) {
  const path = join(bench.services.folder, `${pages}.pdf`);
  await promisify(execFile)('qpdf', ['--empty', '--pages', ...pieces(pages), '--', path]);
  const main = join(import.meta.dirname, '../../services/document-worker/main.ts');
  const worker = spawn(process.execPath, [...heapFlags('document-worker', 1536), main], {
    env: bench.env,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const gone = new Promise((resolve) => worker.once('exit', resolve));
  const peaks = { workerMiB: 0, childMiB: 0 };
  const sampling = new AbortController();
  const sampled = sample(worker.pid as number, peaks, sampling.signal);
  try {
    const { jobId } = await bench.submit(await readFile(path));
    const limitMs = 600_000;
    await bench.until(jobId, ({ stage }) => stage !== null && stage !== 'probing', limitMs);
    const parsing = performance.now();
    await bench.until(jobId, ({ stage }) => stage !== 'parsing', limitMs);
    const parsed = performance.now();
    const job = await bench.until(jobId, ({ finished_at }) => finished_at !== null, limitMs);
    return {
      pages,
      done: job.pages_done - job.pages_failed,
      status: job.status,
      parseSeconds: (parsed - parsing) / 1000,
      totalSeconds: (performance.now() - parsing) / 1000,
      // A process that was never seen has no peak.
      workerMiB: peaks.workerMiB || Number.NaN,
      childMiB: peaks.childMiB || Number.NaN,
    };
  } finally {
    sampling.abort();
    await sampled;
    worker.kill('SIGTERM');
    await gone;
  }
}

/** The manual as often as it takes. */
function pieces(pages: number): string[] {
  const manualPages = 2415;
  const whole = Array.from({ length: Math.floor(pages / manualPages) }, () => [hugePdf, '1-z']).flat();
  const rest = pages % manualPages;
  return rest > 0 ? [...whole, hugePdf, `1-${rest}`] : whole;
}

async function sample(pid: number, peaks: { workerMiB: number; childMiB: number }, signal: AbortSignal) {
  while (!signal.aborted) {
    peaks.workerMiB = Math.max(peaks.workerMiB, await peakMiB(pid));
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
    for (const child of children.split(' ').filter(Boolean))
      peaks.childMiB = Math.max(peaks.childMiB, await peakMiB(Number(child)));
    await sleep(100);
  }
}

/** Peak resident memory since the process began. */
async function peakMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024);
}

async function pdfjsPagesPerSecond(pages: number): Promise<number> {
  const { getDocument } = await import('pdfjs-dist/legacy/build/pdf.mjs');
  const loading = getDocument({ data: new Uint8Array(await readFile(hugePdf)), verbosity: 0 });
  const document = await loading.promise;
  const start = performance.now();
  for (let number = 1; number <= pages; number += 1) {
    const page = await document.getPage(number);
    await page.getTextContent();
    page.cleanup();
  }
  const rate = pages / ((performance.now() - start) / 1000);
  await loading.destroy();
  return rate;
}
