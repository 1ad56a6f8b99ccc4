/** What an object store does, whichever it is. */
import type { Readable } from 'node:stream';

export interface ByteRange {
  readonly start: number;
  /** Inclusive. */
  readonly end: number;
}

export interface StoredObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
}

export interface DocumentStore {
  /** Stores a stream of unknown length. Readers see all of it or nothing. Repeating replaces. */
  put(key: string, body: Readable): Promise<void>;
  /** @throws NotInStoreError */
  get(key: string, range?: ByteRange): Promise<Readable>;
  /** The whole object; for small ones, such as page results. @throws NotInStoreError */
  read(key: string): Promise<Buffer>;
  /** @throws NotInStoreError */
  size(key: string): Promise<number>;
  /** Every object whose key starts with the prefix, in no order, read as it is asked for. A prefix ends with `/`. */
  list(prefix: string): AsyncIterable<StoredObject>;
  /** Names of the folders right under the prefix, in order, those behind `after` only. */
  folders(prefix: string, after?: string): AsyncIterable<string>;
  /** Removes every object whose key starts with the prefix; none is fine. A prefix ends with `/`. */
  deletePrefix(prefix: string): Promise<void>;
  /** Of objects under the prefix that were replaced or deleted, removes what the store keeps. A folder keeps nothing. */
  purgePrefix(prefix: string): Promise<void>;
}

export class NotInStoreError extends Error {
  constructor(key: string) {
    super(`'${key}' is not in the object store`);
    this.name = 'NotInStoreError';
  }
}
