/** The object store: uploads, page results and vector tables. A folder on one machine, S3 in production. */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, normalize, relative, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { uuidv7 } from 'uuidv7';
import { type ByteRange, type DocumentStore, NotInStoreError, type StoredObject } from './store.ts';

export { type ByteRange, type DocumentStore, NotInStoreError, type StoredObject } from './store.ts';

/** One look at whether it answers: any answer but a failure counts. */
export async function isReachable(store: DocumentStore): Promise<void> {
  await store.size('ready').catch((error: unknown) => {
    if (!(error instanceof NotInStoreError)) throw error;
  });
}

/** @param url `file:///folder` or `s3://bucket/prefix` */
export async function openDocumentStore(url: string): Promise<DocumentStore> {
  const { protocol } = new URL(url);
  if (protocol === 'file:') return new FolderStore(fileURLToPath(url));
  if (protocol === 's3:') return (await import('./s3-store.ts')).openS3Store(url);
  throw new Error(`DOCUMENT_STORE_URL is '${url}', allowed are file:///folder and s3://bucket/prefix`);
}

/** Of a file that is still being written. */
const partialSuffix = '.partial';

class FolderStore implements DocumentStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async put(key: string, body: Readable): Promise<void> {
    const path = this.#path(key);
    const partial = `${path}.${uuidv7()}${partialSuffix}`;
    await mkdir(dirname(path), { recursive: true });
    try {
      // Flushed before it gets its name: after a power cut it is whole or absent.
      await pipeline(body, createWriteStream(partial, { flush: true }));
      await rename(partial, path);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
  }

  async get(key: string, range?: ByteRange): Promise<Readable> {
    await this.size(key);
    return createReadStream(this.#path(key), range);
  }

  async read(key: string): Promise<Buffer> {
    return readFile(this.#path(key)).catch(absent(key));
  }

  async size(key: string): Promise<number> {
    return (await stat(this.#path(key)).catch(absent(key))).size;
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    const folder = this.#path(prefix);
    // What is deleted while it is listed counts as not there.
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(goneAs([]))) {
      const path = join(folder, entry.name);
      const key = relative(this.#folder, path).replaceAll(sep, '/');
      if (entry.isDirectory()) yield* this.list(`${key}/`);
      if (!entry.isFile() || key.endsWith(partialSuffix)) continue;
      const found = await stat(path).catch(goneAs(null));
      if (found) yield { key, sizeBytes: found.size, modifiedAt: found.mtime };
    }
  }

  async *folders(prefix: string, after = ''): AsyncGenerator<string> {
    const entries = await readdir(this.#path(prefix), { withFileTypes: true }).catch(goneAs([]));
    const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    yield* names.filter((name) => name > after).sort();
  }

  async deletePrefix(prefix: string): Promise<void> {
    await rm(this.#path(prefix), { recursive: true, force: true });
  }

  async purgePrefix(): Promise<void> {}

  #path(key: string): string {
    const path = normalize(join(this.#folder, key));
    if (!path.startsWith(this.#folder + sep)) throw new Error(`the key '${key}' leaves the store`);
    return path;
  }
}

function absent(key: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    throw error.code === 'ENOENT' ? new NotInStoreError(key) : error;
  };
}

const goneAs =
  <Value>(value: Value) =>
  (error: NodeJS.ErrnoException): Value => {
    if (error.code !== 'ENOENT') throw error;
    return value;
  };

/** Whether an object is gone. Any other fault of the store is thrown: away is not gone. */
export async function isMissing(store: Pick<DocumentStore, 'size'>, key: string): Promise<boolean> {
  try {
    await store.size(key);
    return false;
  } catch (error) {
    if (error instanceof NotInStoreError) return true;
    throw error;
  }
}
