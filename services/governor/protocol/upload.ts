/** A payload that arrives in chunks, in order, each with its own SHA-256 and all with one. */
import { createHash, type Hash } from 'node:crypto';
import type { Chunk, Manifest } from './frames.ts';

/** Bytes that a manifest can bring; what it declares counts as far as its chunks can hold it. */
export function declaredBytes({ chunk_bytes, chunks, total_bytes }: Manifest): number {
  const most = chunk_bytes * chunks;
  return total_bytes > 0 ? Math.min(total_bytes, most) : most;
}

export class Upload {
  readonly manifest: Manifest;
  readonly #parts: Buffer[] = [];
  readonly #hash: Hash = createHash('sha256');
  #next = 0;
  #bytes = 0;

  constructor(manifest: Manifest) {
    this.manifest = manifest;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get complete(): boolean {
    return this.#next === this.manifest.chunks;
  }

  /** What is wrong with the chunk, in the words of the protocol; null: it was taken. */
  add(chunk: Chunk): string | null {
    if (chunk.payload_id !== this.manifest.payload_id) return 'payload_id_mismatch';
    if (chunk.index !== this.#next) return 'chunk_expected_index';
    const bytes = decode(chunk.bytes_b64);
    if (!bytes) return 'chunk_b64_invalid';
    if (bytes.length > this.manifest.chunk_bytes) return 'chunk_too_large';
    if (this.#bytes + bytes.length > declaredBytes(this.manifest)) return 'payload_too_large';
    if (createHash('sha256').update(bytes).digest('hex') !== hex(chunk.sha256)) return 'chunk_hash_mismatch';
    this.#parts.push(bytes);
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    this.#next += 1;
    return null;
  }

  /** What is wrong with the whole; it cannot be mended, only sent anew. */
  fault(): string | null {
    const { total_bytes, sha256 } = this.manifest;
    if (total_bytes > 0 && this.#bytes !== total_bytes) return 'payload_size_mismatch';
    if (sha256 !== '' && this.#hash.digest('hex') !== hex(sha256)) return 'payload_hash_mismatch';
    return null;
  }

  payload(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

const hex = (given: string) => given.trim().toLowerCase();

/** Buffer.from drops what is no Base64. */
function decode(text: string): Buffer | null {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text) ? Buffer.from(text, 'base64') : null;
}
