/** What a document's row says, decided from its job. Pure; `ui.md`'s table of states is its test. */
import type { Document } from '../../../shared/contract/brain.ts';
import type { Problem } from '../../../shared/contract/common.ts';
import type { Job } from '../../../shared/contract/job.ts';
import type { Copy } from '../copy/en.ts';

export type Action = 'cancel' | 'confirm' | 'retry-pages' | 'retry' | 'open' | 'delete' | 'remove';

export interface DocumentState {
  readonly tone: 'busy' | 'wait' | 'ok' | 'warn' | 'bad' | 'off';
  readonly text: string;
  /** The one or two buttons shown in the row; the menu holds the rest. */
  readonly actions: readonly Action[];
  /** Shown as a thin bar while work runs. Shares of all pages, 0 to 1. */
  readonly bar: { readonly done: number; readonly failed: number; readonly text: string } | null;
  /** May its pages be opened? */
  readonly readable: boolean;
}

export interface Limits {
  readonly upload_bytes_max: number;
  readonly pages_max: number;
}

/** A job that has not moved for this long says so; a page may take 30 s, twice that is a sign. */
const stillMs = 60_000;

export function documentState(
  { job, name, search }: Pick<Document, 'job' | 'name' | 'search'>,
  copy: Copy,
  limits: Limits,
  now: number,
): DocumentState {
  const words = copy.documents;
  const { stage, pages_total: total, pages_done: done, pages_failed: failed, failed_pages, eta_ms } = job.progress;
  const withoutText = job.progress.pages_without_text;
  const usd = priceOf(job);
  const row = (
    tone: DocumentState['tone'],
    text: string,
    actions: readonly Action[] = [],
    extra: Partial<DocumentState> = {},
  ): DocumentState => ({ tone, text, actions, bar: null, readable: done > 0, ...extra });

  if (job.kind !== 'ingest' && job.status !== 'failed') return row('busy', words.deleting, [], { readable: false });
  switch (job.status) {
    case 'awaiting_confirmation':
      return row('wait', words.awaiting(total ?? 0, usd, eta_ms), ['confirm', 'cancel']);
    case 'paused':
      return row('wait', words.paused(job.paused_until === null ? null : Date.parse(job.paused_until)), ['cancel']);
    case 'queued':
      return row('wait', words.waiting(job.queue?.place ?? 1, job.queue?.pages_ahead ?? null, eta_ms, usd), ['cancel']);
    case 'running': {
      // Its pages are counted and wait for their turn.
      if (job.queue && stage === 'parsing')
        return row('wait', words.waiting(job.queue.place, job.queue.pages_ahead, eta_ms, usd), ['cancel']);
      const still = now - Date.parse(job.progress.moved_at);
      if (still > stillMs) return row('warn', words.noProgress(still), ['cancel'], { bar: bar() });
      if (stage === 'indexing') return row('busy', words.indexing, ['cancel'], { bar: bar() });
      if (stage === 'parsing' && total !== null)
        return row('busy', words.parsing(done, total, eta_ms), ['cancel'], { bar: bar() });
      return row('busy', stage === 'deleting' ? words.deleting : words.probing, stage === 'deleting' ? [] : ['cancel']);
    }
    case 'succeeded':
      return row('ok', words.ready(total, search === 'improving'), ['open'], { readable: true });
    case 'partial':
      // Reading a scan again finds no more text in it.
      return row(
        'warn',
        words.partial(failed_pages, failed, withoutText, total ?? 0, search === 'improving'),
        failed > 0 ? ['retry-pages', 'open'] : ['open'],
        { readable: true },
      );
    case 'failed':
      return row('bad', words.failed(failureReason(job.error, name, copy, limits, job.id)), [
        ...(mayHelp(job.error) ? (['retry'] as const) : []),
        'remove',
      ]);
    case 'canceling':
      return row('busy', words.canceling);
    case 'canceled':
      return row('off', words.canceled(done, total), ['retry', 'remove']);
  }

  function bar() {
    if (!total) return null;
    return { done: Math.min(1, done / total), failed: Math.min(1, failed / total), text: words.parsed(done, total) };
  }
}

/** In US dollars; null: known to be unknown. Before its pages are counted nothing is said. */
export const priceOf = ({ price }: Pick<Job, 'price'>): number | null => (price ? price.usd : 0);

/** Why a file was not added, in words for people. Codes are those of the problem catalog. */
export function failureReason(
  error: Problem | null,
  name: string,
  copy: Copy,
  limits: Limits,
  reference: string,
): string {
  const { reasons } = copy.documents;
  switch (error?.code) {
    case 'encrypted':
      return reasons.encrypted;
    case 'damaged':
      return reasons.damaged;
    case 'no-text':
      return reasons.noText;
    case 'too-large':
    case 'http-413':
      return reasons.tooLarge(limits.upload_bytes_max);
    case 'too-many-pages':
      return reasons.tooManyPages(limits.pages_max);
    case 'unsupported-type':
      return reasons.unsupported(extension(name));
    case 'took-too-long':
      return reasons.tookTooLong;
    case 'quota':
    case 'too-many-requests':
      return reasons.quota;
    case 'forbidden':
      return reasons.role;
    case 'unreachable':
      return copy.common.connectionLost;
    default:
      return copy.common.fault(error?.instance ?? reference);
  }
}

/** What is known to be refused before a byte is sent; null: send it. */
export function refusal(file: { name: string; size: number }, copy: Copy, limits: Limits): string | null {
  const { reasons } = copy.documents;
  if (file.size === 0) return reasons.empty;
  if (file.size > limits.upload_bytes_max) return reasons.tooLarge(limits.upload_bytes_max);
  if (!extensions.has(extension(file.name))) return reasons.unsupported(extension(file.name));
  return null;
}

/** What the picker offers and what is sent. The service looks at the content; this only spares a hopeless upload. */
export const extensions: ReadonlySet<string> = new Set(['.pdf', '.md', '.markdown', '.txt', '.text', '.log']);

function extension(name: string): string {
  return /\.[^./\\]{1,10}$/.exec(name)?.[0].toLowerCase() ?? '';
}

/** Could another attempt end better? A locked or damaged file stays so. */
function mayHelp(error: Problem | null): boolean {
  return !['encrypted', 'damaged', 'no-text', 'too-large', 'too-many-pages', 'unsupported-type'].includes(
    error?.code ?? '',
  );
}
