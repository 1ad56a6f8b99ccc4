/**
 * Documents on this worker's own disk: fetched once, shared by its children, kept while there is room. The disk is a
 * budget like any other: what does not fit waits until a grant that reads another document ends.
 */
import { EventEmitter, once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ProblemError } from '../../shared/http/problem.ts';
import type { DocumentStore } from '../../shared/storage/document-store.ts';

export interface LocalFile {
  readonly path: string;
  release(): Promise<void>;
}

/** A stored document. */
export interface Source {
  readonly documentId: string;
  readonly objectKey: string;
  readonly sizeBytes: number;
}

export interface LocalFilesOptions {
  /** Bytes of all documents here at any time. */
  readonly bytesMax: number;
  /** Folder for folders of workers; what dead ones left there is removed. @default in the system's temporary folder */
  readonly base?: string | undefined;
}

interface Entry {
  readonly path: string;
  readonly ready: Promise<void>;
  readonly sizeBytes: number;
  users: number;
}

export class LocalFiles {
  readonly folder: string;
  readonly #store: DocumentStore;
  readonly #bytesMax: number;
  /** In the order of last use. Each counts with its full size from before its first byte arrives. */
  readonly #entries = new Map<string, Entry>();
  readonly #released = new EventEmitter().setMaxListeners(0);
  #releases = 0;
  #fetched = 0;
  /** Who waits for room, in order of arrival: small documents must not pass a large one for ever. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(store: DocumentStore, folder: string, bytesMax: number) {
    this.#store = store;
    this.folder = folder;
    this.#bytesMax = bytesMax;
  }

  static async open(store: DocumentStore, options: LocalFilesOptions): Promise<LocalFiles> {
    const { bytesMax, base = join(tmpdir(), 'bulkhead-document-worker') } = options;
    await mkdir(base, { recursive: true, mode: 0o700 });
    for (const name of await readdir(base))
      if (Number(name) === process.pid || !isAlive(Number(name)))
        await rm(join(base, name), { recursive: true, force: true });
    const folder = join(base, String(process.pid));
    await mkdir(folder, { mode: 0o700 });
    return new LocalFiles(store, folder, bytesMax);
  }

  /**
   * Waits for room in turn.
   *
   * @throws NotInStoreError
   * @throws ProblemError `too-large` when the document will never fit
   * @throws the signal's reason while waiting
   */
  async acquire(source: Source, signal: AbortSignal): Promise<LocalFile> {
    const entry = this.#take(source.documentId) ?? (await this.#admit(source, signal));
    let released = false;
    const release = async () => {
      if (released) return;
      released = true;
      entry.users -= 1;
      this.#releases += 1;
      this.#released.emit('released');
    };
    try {
      await entry.ready;
    } catch (error) {
      if (this.#entries.get(source.documentId) === entry) this.#entries.delete(source.documentId);
      await release();
      throw error;
    }
    return { path: entry.path, release };
  }

  async close(): Promise<void> {
    this.#entries.clear();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** An entry that is here, for one more user. */
  #take(documentId: string): Entry | undefined {
    const entry = this.#entries.get(documentId);
    if (!entry) return undefined;
    this.#entries.delete(documentId);
    this.#entries.set(documentId, entry);
    entry.users += 1;
    return entry;
  }

  #admit(source: Source, signal: AbortSignal): Promise<Entry> {
    const { documentId, sizeBytes } = source;
    if (sizeBytes > this.#bytesMax)
      throw new ProblemError(
        'too-large',
        `The document has ${sizeBytes} bytes, workers here take ${this.#bytesMax}. Raise uploadBytesMax and try again, or split it.`,
      );
    const admitted = this.#turn.then(async () => {
      for (;;) {
        // Whoever waited before may have fetched the same document.
        const known = this.#take(documentId);
        if (known) return known;
        const before = this.#releases;
        if (await this.#makeRoom(sizeBytes)) return this.#fetch(source);
        // A release during the attempt has been announced already: nobody would announce it again.
        if (this.#releases === before) await once(this.#released, 'released', { signal });
      }
    });
    this.#turn = admitted.catch(() => {});
    return admitted;
  }

  /** Removes documents that nobody reads, the longest unused first, until there is room. */
  async #makeRoom(bytes: number): Promise<boolean> {
    let used = [...this.#entries.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    for (const [documentId, { users, path, sizeBytes }] of this.#entries) {
      if (used + bytes <= this.#bytesMax) break;
      if (users > 0) continue;
      this.#entries.delete(documentId);
      // The child that read it last still has it open: without this its bytes would stay on the disk.
      await truncate(path);
      await rm(path);
      used -= sizeBytes;
    }
    return used + bytes <= this.#bytesMax;
  }

  #fetch({ documentId, objectKey, sizeBytes }: Source): Entry {
    // A new name each time: a child takes the same name for the file that it has open already.
    const path = join(this.folder, `${documentId}.${this.#fetched++}`);
    const fetch = async () => {
      try {
        await pipeline(await this.#store.get(objectKey), createWriteStream(path));
      } catch (error) {
        await rm(path, { force: true });
        throw error;
      }
    };
    const entry: Entry = { path, ready: fetch(), sizeBytes, users: 1 };
    this.#entries.set(documentId, entry);
    return entry;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
