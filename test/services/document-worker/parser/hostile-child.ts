/** A parser child whose text documents do what a hostile file might make a parser do: each page is one order. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import { Worker } from 'node:worker_threads';
import { openPdf } from '../../../../services/document-worker/parser/pdf/pdf-document.ts';
import { failedPage, type ReadPage, withoutImages } from '../../../../services/document-worker/parser/reader.ts';
import { convertAnswer } from '../../../../services/document-worker/parser/remote/convert.ts';
import { serveReads } from '../../../../services/document-worker/parser/serve-reads.ts';

const orders: Readonly<Record<string, () => unknown>> = {
  hang: () => {
    for (;;);
  },
  crash: () => process.abort(),
  exit: () => process.exit(3),
  'end-worker': () => process.kill(process.ppid, 'SIGKILL'),
  fill: () => {
    const hoard = [];
    for (;;) hoard.push(Buffer.alloc(8 * 1024 * 1024, 1));
  },
  objects: () => {
    const hoard = [];
    for (;;) hoard.push(new Array(100_000).fill(hoard.length));
  },
  /** Nobody who watches what is resident sees it. */
  'reserve-512-MiB': () => `${new WebAssembly.Memory({ initial: 8192 }).buffer.byteLength} bytes`,
  'read-secret': () => readFileSync('/etc/passwd', 'utf8'),
  write: () => writeFileSync('stolen', 'x'),
  spawn: () => spawn('true'),
  thread: () => new Worker('1', { eval: true }),
  environment: () =>
    Object.keys(process.env)
      .filter((name) => !name.startsWith('NODE_CHANNEL'))
      .join(),
  connect: () =>
    new Promise((resolve, reject) => {
      net.connect(53, '192.0.2.1').once('error', reject).once('connect', resolve);
    }),
};

async function openOrders(path: string) {
  const lines = (await readFile(path, 'utf8')).trim().split('\n');
  if (lines[0] === 'hang-on-open') orders.hang?.();
  return {
    pageCount: lines.length,
    close: () => {},
    async *read(pages: readonly number[]): AsyncGenerator<ReadPage> {
      for (const page of pages) {
        const order = orders[lines[page - 1] as string];
        const text = await Promise.resolve()
          .then(() => order?.() ?? lines[page - 1])
          .catch((error: NodeJS.ErrnoException) => {
            // Ends a parser, as it would end one that reads a page.
            if (error.code === 'ERR_MEMORY_ALLOCATION_FAILED') throw error;
            return `refused: ${error.code ?? error.message}`;
          });
        yield withoutImages({ ...failedPage(page, 'orders', null), text: String(text) });
        // As a parser that ends while it closes a page.
        if (text === 'exit-after') process.exit(3);
        if (text === 'twice') yield withoutImages({ ...failedPage(page, 'orders', null), text: 'again' });
        if (text === 'unasked') yield withoutImages({ ...failedPage(page + 1000, 'orders', null), text: 'unasked' });
      }
    },
  };
}

serveReads({ 'application/pdf': openPdf, 'text/markdown': openOrders, 'text/plain': openOrders }, convertAnswer);
