/** Looks at an upload while it streams by: hash, size, type by content, never more than a chunk in memory. */
import { createHash } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';
import { fileTypeFromBuffer } from 'file-type';
import type { MediaType } from '../../shared/contract/brain.ts';
import { ProblemError } from '../../shared/http/problem.ts';

/** file-type needs no more to tell what it knows. */
const headBytes = 4100;

/** Passes bytes on. Its `result` is whole when the stream has ended. */
export class UploadStream extends Transform {
  readonly #name: string;
  readonly #bytesMax: number;
  readonly #hash = createHash('sha256');
  /** What the text may still be; each fails at its first byte that is something else. */
  #decoders: TextDecoder[] = [];
  #bytes = 0;
  #head: Buffer | null = Buffer.alloc(0);
  #type: MediaType | null = null;

  constructor(name: string, bytesMax: number) {
    super();
    this.#name = name;
    this.#bytesMax = bytesMax;
  }

  get result(): { sha256: Buffer; bytes: number; mediaType: MediaType } {
    return { sha256: this.#hash.copy().digest(), bytes: this.#bytes, mediaType: this.#type as MediaType };
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#look(chunk).then(
      () => done(null, chunk),
      (error: Error) => done(error),
    );
  }

  override _flush(done: TransformCallback): void {
    this.#end().then(
      () => done(),
      (error: Error) => done(error),
    );
  }

  async #look(chunk: Buffer): Promise<void> {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#bytesMax) throw tooLarge(this.#bytesMax);
    this.#hash.update(chunk);
    if (this.#head) {
      this.#head = Buffer.concat([this.#head, chunk]);
      if (this.#head.length < headBytes) return;
      await this.#decide();
    } else if (this.#type !== 'application/pdf') this.#assertText(chunk);
  }

  async #end(): Promise<void> {
    if (this.#bytes === 0) throw new ProblemError('bad-request', 'The file is empty.');
    if (this.#head) await this.#decide();
    if (this.#type !== 'application/pdf') this.#assertText(Buffer.alloc(0), false);
  }

  async #decide(): Promise<void> {
    const head = this.#head as Buffer;
    this.#head = null;
    const found = (await fileTypeFromBuffer(head))?.mime;
    // Readers accept a PDF header within the first 1,024 bytes (ISO 32000-1, annex H.3.4.1).
    if (found === 'application/pdf' || head.subarray(0, 1024).includes('%PDF-')) this.#type = 'application/pdf';
    else if (found && !found.startsWith('text/') && !found.endsWith('xml')) throw unsupported(found);
    else {
      this.#type = /\.(md|markdown)$/i.test(this.#name) ? 'text/markdown' : 'text/plain';
      this.#decoders = encodingsOf(head).map((encoding) => new TextDecoder(encoding, { fatal: true }));
      this.#assertText(head);
    }
  }

  #assertText(chunk: Buffer, more = true): void {
    this.#decoders = this.#decoders.filter((decoder) => decodes(decoder, chunk, more));
    if (this.#decoders.length === 0) throw unsupported('neither a PDF nor text');
  }
}

/** As the parser reads text: UTF-16 by its byte order mark, else UTF-8, else Korean EUC-KR. */
function encodingsOf(head: Buffer): string[] {
  const mark = head.length >= 2 ? head.readUInt16BE() : 0;
  if (mark === 0xfffe) return ['utf-16le'];
  return mark === 0xfeff ? ['utf-16be'] : ['utf-8', 'euc-kr'];
}

function decodes(decoder: TextDecoder, chunk: Buffer, more: boolean): boolean {
  try {
    return !decoder.decode(chunk, { stream: more }).includes('\0');
  } catch {
    return false;
  }
}

export const tooLarge = (bytesMax: number) =>
  new ProblemError('too-large', `The file is larger than ${bytesMax} bytes, which is the most allowed here.`);

const unsupported = (found: string) =>
  new ProblemError(
    'unsupported-type',
    `The content is ${found}; allowed are PDF, and Markdown and plain text in UTF-8, UTF-16 with its mark or EUC-KR.`,
  );

/** What a file may be called: one line without control characters or folders, at most 255 characters. */
export function fileName(given: string | undefined): string {
  const name = (given ?? '')
    .normalize('NFC')
    .replace(/^.*[/\\]/, '')
    // Controls, and marks that turn the reading direction: `gnp.exe` must not show as `exe.png`.
    .replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '')
    .trim();
  return [...name].slice(0, 255).join('') || 'document';
}
