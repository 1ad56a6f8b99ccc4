/** A worker with a reference parser as its provider. */
import type { DocumentWorker } from '../../../../services/document-worker/app.ts';
import type { RemoteParserName } from '../../../../services/shared/parsers.ts';
import {
  type ReferenceParser,
  type ReferenceParserOptions,
  startReferenceParser,
} from '../../../support/reference-parser/server.ts';
import type { Bench, Place } from '../fixture.ts';

export interface Remote {
  readonly parser: ReferenceParser;
  readonly env: Readonly<Record<string, string>>;
  submit(pdf: Uint8Array, place?: Place): ReturnType<Bench['submit']>;
  /** Sums of the ledger for one job. */
  ledger(jobId: string): Promise<Record<string, number>>;
  calls(jobId: string): Promise<{ outcome: string | null; repeated: boolean; pages: number[] }[]>;
  startWorker(): Promise<DocumentWorker>;
  close(): Promise<void>;
}

export async function openRemote(
  bench: Bench,
  backend: RemoteParserName,
  options: ReferenceParserOptions = {},
  env: Record<string, string> = {},
  { worker = true }: { worker?: boolean } = {},
): Promise<Remote> {
  const parser = await startReferenceParser(options);
  const own = { PARSER_BACKEND: backend, PARSER_URL: parser.url, ...env };
  const workers: DocumentWorker[] = [];
  const startWorker = async () => {
    const started = await bench.startWorker({}, own);
    workers.push(started);
    return started;
  };
  if (worker) await startWorker();
  return {
    parser,
    env: { ...bench.env, ...own },
    submit: (pdf, place) => bench.submit(pdf, 'application/pdf', place),
    startWorker,
    ledger: async (jobId) => {
      const rows = await bench.db
        .selectFrom('ledger')
        .select((eb) => ['kind', eb.fn.sum<number>('amount').as('sum')])
        .where('job_id', '=', jobId)
        .groupBy('kind')
        .execute();
      return Object.fromEntries(rows.map(({ kind, sum }) => [kind, Number(sum)]));
    },
    calls: (jobId) =>
      bench.db.selectFrom('parser_calls').selectAll().where('job_id', '=', jobId).orderBy('id').execute(),
    close: async () => {
      await Promise.all(workers.map((started) => started.close(100)));
      await parser.close();
    },
  };
}
