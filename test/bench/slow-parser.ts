/**
 * S5: a parser that takes 10 s a page and hangs on one request of 20. A long document, then short ones: how long the short
 * ones take, beside one FIFO queue with as many requests under way and retries in place; all at a twentieth of the time.
 * Nothing may be lost, and the ledger must say what the parser counted.
 */
import { pdfOf } from '../services/document-worker/documents.ts';
import { type Bench, openBench } from '../services/document-worker/fixture.ts';
import { openRemote } from '../services/document-worker/remote/remote.ts';
import { type ReferenceParser, startReferenceParser } from '../support/reference-parser/server.ts';
import setup from '../support/stores-server.ts';
import teardown from '../support/stores-teardown.ts';
import { atMost, must, type Row } from './report/rows.ts';

const scale = 20;
const pageMs = 10_000 / scale;
/** A request that hangs is given up after 150 s. */
const timeoutMs = 150_000 / scale;
const hangsEvery = 20;
const inFlight = 4;
const shortDocuments = 10;
/** Of what a FIFO queue makes them wait; a share of the rate is theirs whatever lies before. */
const ratioMax = 0.5;

export async function run({ quick }: { readonly quick: boolean }): Promise<Row[]> {
  const longPages = quick ? 60 : 300;
  await setup();
  const bench = await openBench();
  try {
    const ours = await scheduled(bench, longPages);
    const fifo = await inOneQueue(longPages);
    return [
      atMost(ratioMax, {
        row: 'S5',
        name: 'one-page documents behind a long one, mean against FIFO',
        value: ours.shortSeconds / fifo.shortSeconds,
        unit: 'x',
      }),
      must('below FIFO', ours.shortSeconds < fifo.shortSeconds, {
        row: 'S5',
        name: 'one-page documents behind a long one, mean',
        value: ours.shortSeconds * scale,
        unit: 's',
        baseline: fifo.shortSeconds * scale,
      }),
      must('= 0', ours.missing === 0, {
        row: 'S5',
        name: 'pages without a result',
        value: ours.missing,
        unit: 'pages',
      }),
      must('= 0', ours.uncounted === 0, {
        row: 'S5',
        name: "pages of the parser's count that the ledger lacks or has too much",
        value: ours.uncounted,
        unit: 'pages',
      }),
    ];
  } finally {
    await bench.close();
    await teardown();
  }
}

const hangSome = (parser: ReferenceParser) =>
  parser.behave(() => ((parser.calls.length + 1) % hangsEvery === 0 ? 'hang' : 'answer'));

async function scheduled(bench: Bench, longPages: number) {
  const env = {
    PARSER_PAGES_PER_REQUEST: '1',
    PARSER_REQUESTS_MAX: String(inFlight),
    PARSER_TIMEOUT_MS: `${timeoutMs}`,
  };
  const remote = await openRemote(bench, 'docling', { pageMs }, env);
  try {
    hangSome(remote.parser);
    const long = await remote.submit(await pdfOf(words(longPages, 'long')));
    await bench.until(long.jobId, ({ pages_done }) => pages_done > 0, 300_000);
    const short = await Promise.all(
      Array.from({ length: shortDocuments }, async (_, index) => {
        const { jobId } = await remote.submit(await pdfOf(words(1, `short${index}`)));
        const start = performance.now();
        await bench.until(jobId, ({ pages_done }) => pages_done === 1, 300_000);
        return { jobId, seconds: (performance.now() - start) / 1000 };
      }),
    );
    await bench.until(long.jobId, ({ finished_at }) => finished_at !== null, 300_000);
    let missing = 0;
    let counted = 0;
    for (const jobId of [long.jobId, ...short.map((one) => one.jobId)]) {
      const { pages_total, pages_done, pages_failed } = await bench.job(jobId);
      missing += (pages_total ?? 1) - pages_done + pages_failed;
      counted += (await remote.ledger(jobId)).parser_pages ?? 0;
    }
    return {
      shortSeconds: mean(short.map(({ seconds }) => seconds)),
      missing,
      uncounted: Math.abs(remote.parser.pages - counted),
    };
  } finally {
    await remote.close();
  }
}

/** The same requests in the order in which they came, each tried in place until it is answered. */
async function inOneQueue(longPages: number) {
  const parser = await startReferenceParser({ pageMs });
  try {
    hangSome(parser);
    const pdf = new Blob([(await pdfOf(['page'])) as Uint8Array<ArrayBuffer>], { type: 'application/pdf' });
    const queue = [
      ...Array.from({ length: longPages }, () => 'long'),
      ...Array.from({ length: shortDocuments }, () => 'short'),
    ];
    const start = performance.now();
    // The short ones come when the first page is done, as above.
    let cameAt = start;
    const seconds: number[] = [];
    const ask = async () => {
      for (let answered = false; !answered; ) {
        const form = new FormData();
        form.append('files', pdf, 'pages.pdf');
        answered = await fetch(`${parser.url}/v1/convert/file`, {
          method: 'POST',
          body: form,
          signal: AbortSignal.timeout(timeoutMs),
        }).then(
          async (response) => {
            await response.arrayBuffer();
            return true;
          },
          () => false,
        );
      }
    };
    const worker = async () => {
      for (let which = queue.shift(); which; which = queue.shift()) {
        await ask();
        if (cameAt === start) cameAt = performance.now();
        if (which === 'short') seconds.push((performance.now() - cameAt) / 1000);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, worker));
    return { shortSeconds: mean(seconds) };
  } finally {
    await parser.close();
  }
}

const words = (count: number, word: string) => Array.from({ length: count }, (_, page) => `${word} page ${page + 1}`);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
