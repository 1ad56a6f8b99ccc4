/** Documents on this worker's own disk: fetched once, shared by its children, removed when nobody needs them. */
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { DocumentStore } from '../shared/document-store.ts';

export interface LocalFile {
  readonly path: string;
  release(): Promise<void>;
}

interface Entry {
  readonly path: string;
  readonly ready: Promise<void>;
  users: number;
  bytes: number;
}

/** Bytes of documents nobody reads at the moment, kept because their next grant is likely near. */
const idleBytesMax = 256 * 1024 * 1024;

export class LocalFiles {
  readonly folder: string;
  readonly #store: DocumentStore;
  /** In the order of last use. */
  readonly #entries = new Map<string, Entry>();

  private constructor(store: DocumentStore, folder: string) {
    this.#store = store;
    this.folder = folder;
  }

  /** @param base folder for folders of workers; what dead ones left there is removed */
  static async open(store: DocumentStore, base = join(tmpdir(), 'bulkhead-document-worker')): Promise<LocalFiles> {
    await mkdir(base, { recursive: true, mode: 0o700 });
    for (const name of await readdir(base))
      if (Number(name) === process.pid || !isAlive(Number(name)))
        await rm(join(base, name), { recursive: true, force: true });
    const folder = join(base, String(process.pid));
    await mkdir(folder, { mode: 0o700 });
    return new LocalFiles(store, folder);
  }

  /** @throws NotInStoreError */
  async acquire(documentId: string, objectKey: string): Promise<LocalFile> {
    const entry = this.#entries.get(documentId) ?? this.#fetch(documentId, objectKey);
    this.#entries.delete(documentId);
    this.#entries.set(documentId, entry);
    entry.users += 1;
    try {
      await entry.ready;
    } catch (error) {
      if (this.#entries.get(documentId) === entry) this.#entries.delete(documentId);
      throw error;
    }
    let released = false;
    const release = async () => {
      if (released) return;
      released = true;
      entry.users -= 1;
      await this.#shrink();
    };
    return { path: entry.path, release };
  }

  async close(): Promise<void> {
    this.#entries.clear();
    await rm(this.folder, { recursive: true, force: true });
  }

  #fetch(documentId: string, objectKey: string): Entry {
    const path = join(this.folder, documentId);
    const fetch = async () => {
      try {
        await pipeline(await this.#store.get(objectKey), createWriteStream(path));
        entry.bytes = (await stat(path)).size;
      } catch (error) {
        await rm(path, { force: true });
        throw error;
      }
    };
    const entry: Entry = { path, ready: fetch(), users: 0, bytes: 0 };
    return entry;
  }

  async #shrink(): Promise<void> {
    const idle = [...this.#entries].filter(([, { users }]) => users === 0);
    let bytes = idle.reduce((sum, [, entry]) => sum + entry.bytes, 0);
    for (const [documentId, entry] of idle) {
      if (bytes <= idleBytesMax) return;
      this.#entries.delete(documentId);
      bytes -= entry.bytes;
      // A child that still has it open keeps reading; the disk is free when it lets go.
      await rm(entry.path, { force: true });
    }
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
