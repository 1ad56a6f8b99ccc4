/**
 * Uploads under way: a queue outside the components, so that changing the screen stops nothing. Three at a time; bytes
 * sent are counted by XMLHttpRequest, which alone can. A row leaves when the document's own row takes over.
 */
import type { Document } from '../../../shared/contract/brain.ts';
import type { Job } from '../../../shared/contract/job.ts';
import { type ApiError, errorFrom, unreachable } from './http.ts';

export interface Upload {
  readonly id: string;
  readonly brain: string;
  readonly file: File;
  readonly state:
    | { readonly kind: 'waiting' }
    | { readonly kind: 'uploading'; readonly share: number; readonly leftMs: number | null }
    | { readonly kind: 'lost' }
    /** Over a limit that is known here: not a byte was sent. */
    | { readonly kind: 'unfit'; readonly reason: string }
    | { readonly kind: 'refused'; readonly error: ApiError }
    | { readonly kind: 'duplicate'; readonly document: Document };
}

export type Accepted = (brain: string, job: Job) => Promise<void>;

export class Uploads {
  #uploads: readonly Upload[] = [];
  readonly #running = new Map<string, XMLHttpRequest>();
  readonly #listeners = new Set<() => void>();
  readonly #accepted: Accepted;

  /** @param accepted runs when the service took a file; the upload's row stays until it resolves. */
  constructor(accepted: Accepted) {
    this.#accepted = accepted;
  }

  /** @param unfit why a file need not be sent at all; null: send it. */
  add(brain: string, files: readonly File[], unfit: (file: File) => string | null): void {
    const added = files.map((file): Upload => {
      const reason = unfit(file);
      const state: Upload['state'] = reason === null ? { kind: 'waiting' } : { kind: 'unfit', reason };
      return { id: crypto.randomUUID(), brain, file, state };
    });
    this.#set([...added, ...this.#uploads]);
    this.#next();
  }

  /** Again with the same `Idempotency-Key`: what did arrive is not stored twice. */
  retry(id: string): void {
    this.#change(id, { kind: 'waiting' });
    this.#next();
  }

  remove(id: string): void {
    this.#running.get(id)?.abort();
    this.#running.delete(id);
    this.#set(this.#uploads.filter((upload) => upload.id !== id));
    this.#next();
  }

  readonly snapshot = (): readonly Upload[] => this.#uploads;
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #next(): void {
    // Oldest first; the list is newest first.
    for (const upload of this.#uploads.toReversed()) {
      if (this.#running.size >= uploadsMax) return;
      if (upload.state.kind === 'waiting') this.#send(upload);
    }
  }

  #send({ id, brain, file }: Upload): void {
    const http = new XMLHttpRequest();
    const startedAt = performance.now();
    this.#running.set(id, http);
    this.#change(id, { kind: 'uploading', share: 0, leftMs: null });
    http.upload.onprogress = ({ loaded, total }) =>
      this.#change(id, {
        kind: 'uploading',
        share: loaded / total,
        leftMs: timeLeft(loaded, total, performance.now() - startedAt),
      });
    http.onload = () => void this.#answered(id, brain, http);
    http.onerror = () => this.#end(id, { kind: 'lost' });
    http.open('POST', `/v1/brains/${brain}/documents`);
    http.setRequestHeader('Idempotency-Key', id);
    http.setRequestHeader('Accept', 'application/json');
    const form = new FormData();
    form.append('file', file);
    http.send(form);
  }

  async #answered(id: string, brain: string, http: XMLHttpRequest): Promise<void> {
    if (http.status === 202) {
      await this.#accepted(brain, JSON.parse(http.responseText) as Job).catch(() => undefined);
      return this.remove(id);
    }
    if (http.status === 200) {
      const { document } = JSON.parse(http.responseText) as { document: Document };
      return this.#end(id, { kind: 'duplicate', document });
    }
    const error = errorFrom(http.status, http.responseText, (name) => http.getResponseHeader(name));
    this.#end(id, http.status === 0 ? { kind: 'refused', error: unreachable() } : { kind: 'refused', error });
  }

  #end(id: string, state: Upload['state']): void {
    this.#running.delete(id);
    this.#change(id, state);
    this.#next();
  }

  #change(id: string, state: Upload['state']): void {
    this.#set(this.#uploads.map((upload) => (upload.id === id ? { ...upload, state } : upload)));
  }

  #set(uploads: readonly Upload[]): void {
    this.#uploads = uploads;
    for (const listener of this.#listeners) listener();
  }
}

/** More would share the same line and delay the first file that is ready to ask. */
const uploadsMax = 3;

/** From the mean rate so far; null in the first second, when it means nothing. */
export function timeLeft(loaded: number, total: number, elapsedMs: number): number | null {
  if (elapsedMs < 1000 || loaded === 0) return null;
  return ((total - loaded) * elapsedMs) / loaded;
}
