/** One job of a connection, from its manifest to its one last frame. It holds a slot all that time. */
import { createHash } from 'node:crypto';
import { askBackend, type BackendAnswer } from '../backend.ts';
import type { Outcome } from '../gate.ts';
import type { Chunk, Manifest, Output, ReplyFrame, RequestFrame } from './frames.ts';
import type { From, Replies } from './replies.ts';
import { Upload } from './upload.ts';

class OutputTooLargeError extends Error {}

/** The connection that a job came by. */
export interface JobPeer {
  readonly options: { readonly backendUrl: string; readonly limits: JobLimits };
  /** Resolves when it may send more. */
  send(frame: ReplyFrame): Promise<void>;
  /** The job has ended; its last frame is this one. */
  ended(job: Job, frame: ReplyFrame | null): Promise<void>;
}

export interface JobLimits {
  /** Of the output that is kept for the last frame. */
  readonly outputBytesMax: number;
  /** From the manifest to the last chunk: meanwhile a slot is taken. */
  readonly uploadTimeoutMs: number;
  readonly jobTimeoutMs: number;
}

export class Job {
  readonly id: string;
  readonly #connection: JobPeer;
  readonly #say: Replies;
  readonly #endSlot: (outcome: Outcome) => void;
  readonly #abort = new AbortController();
  #deadline: NodeJS.Timeout | undefined;
  #upload: Upload;
  #ttlMs: number;
  #from: From;
  #running = false;
  #over = false;

  constructor(
    connection: JobPeer,
    say: Replies,
    frame: RequestFrame,
    manifest: Manifest,
    endSlot: (outcome: Outcome) => void,
  ) {
    this.id = frame.job;
    this.#connection = connection;
    this.#say = say;
    this.#endSlot = endSlot;
    this.#upload = new Upload(manifest);
    this.#ttlMs = frame.ttl_ms;
    this.#from = frame;
    this.#deadline = setTimeout(() => {
      const late = this.#say.abort(this.#from, 'upload_timeout', 'timeout', 'timeout', 'timeout', this.#so());
      void this.#end('cancelled', late);
    }, connection.options.limits.uploadTimeoutMs);
  }

  get running(): boolean {
    return this.#running;
  }

  /** The manifest once more: the payload comes from its beginning, within the same time. */
  restart(frame: RequestFrame, manifest: Manifest): Promise<void> {
    this.#upload = new Upload(manifest);
    this.#from = frame;
    return this.#connection.send(this.#say.ok(frame));
  }

  async add(frame: RequestFrame): Promise<void> {
    const upload = this.#upload;
    this.#from = frame;
    const fault = upload.add(frame.payload_chunk as Chunk);
    if (fault) return this.#connection.send(this.#say.need(frame, fault, 'need_more', 'chunk', upload.bytes));
    if (!upload.complete) return this.#connection.send(this.#say.ok(frame, upload.bytes));
    const wrong = upload.fault();
    // The slot is given back: nothing of it can be used, and the manifest has to come again.
    if (wrong) return this.#end('cancelled', this.#say.need(frame, wrong, 'need_more', 'chunk', upload.bytes));
    this.#running = true;
    void this.#run(frame).catch(() => this.#end('failed', null));
  }

  /** Taken back by its peer. */
  async cancel(frame: RequestFrame): Promise<void> {
    await this.#end('cancelled', this.#say.abort(frame, 'canceled', 'canceled', 'dropped', 'gone', this.#so()));
  }

  /** Its peer is not there any more. */
  gone(): void {
    void this.#end('cancelled', null);
  }

  async #run(frame: RequestFrame): Promise<void> {
    const { jobTimeoutMs } = this.#connection.options.limits;
    const limitMs = this.#ttlMs > 0 ? Math.min(this.#ttlMs, jobTimeoutMs) : jobTimeoutMs;
    const startedAt = performance.now();
    const so = () => ({ bytesIn: this.#upload.bytes, backendMs: performance.now() - startedAt });
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => {
      void this.#end('failed', this.#say.abort(frame, 'timeout', 'timeout', 'timeout', 'timeout', so()));
    }, limitMs);
    const output = this.#outputOf(frame);
    let answer: BackendAnswer;
    try {
      answer = await askBackend({
        url: this.#connection.options.backendUrl,
        contentType: this.#upload.manifest.content_type,
        payload: this.#upload.payload(),
        signal: this.#abort.signal,
        piece: output.piece,
      });
    } catch (error) {
      const why = error instanceof OutputTooLargeError ? 'output_too_large' : 'backend_error';
      return this.#end('failed', this.#say.abort(frame, why, 'backend_error', 'rejected', 'backend', so()));
    }
    const { bytesIn, backendMs } = so();
    const given: Output = {
      http_status: answer.status,
      content_type: answer.contentType,
      total_bytes: answer.bytes,
      sha256: answer.sha256,
      ...output.whole(),
    };
    // Whoever reads the last frame finds the slot free.
    if (answer.status >= 200 && answer.status < 300)
      return this.#end('completed', () => this.#say.done(frame, bytesIn, backendMs, given));
    return this.#end('failed', () => ({
      ...this.#say.abort(frame, 'backend_error', 'backend_error', 'rejected', 'backend', so()),
      output: given,
    }));
  }

  /** What is done with the output as it comes. */
  #outputOf(frame: RequestFrame): { piece(bytes: Buffer): Promise<void> | void; whole(): Pick<Output, 'bytes_b64'> } {
    const { output, payload_id } = this.#upload.manifest;
    if (output === 'none') return { piece: () => {}, whole: () => ({}) };
    if (output === 'whole') {
      const { outputBytesMax } = this.#connection.options.limits;
      const parts: Buffer[] = [];
      let left = outputBytesMax;
      return {
        piece: (bytes) => {
          left -= bytes.length;
          if (left < 0) throw new OutputTooLargeError();
          parts.push(bytes);
        },
        whole: () => ({ bytes_b64: Buffer.concat(parts).toString('base64') }),
      };
    }
    let [index, offset] = [0, 0];
    return {
      piece: async (bytes) => {
        const sha256 = createHash('sha256').update(bytes).digest('hex');
        const chunk = { payload_id, index, offset, sha256, bytes_b64: bytes.toString('base64') };
        index += 1;
        offset += bytes.length;
        await this.#connection.send(this.#say.piece(frame, chunk));
      },
      whole: () => ({}),
    };
  }

  #so() {
    return { bytesIn: this.#upload.bytes };
  }

  /** The first end counts; its frame is made after the slot is free. */
  async #end(outcome: Outcome, last: ReplyFrame | null | (() => ReplyFrame)): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    this.#running = false;
    clearTimeout(this.#deadline);
    this.#endSlot(outcome);
    this.#abort.abort(new Error('the job was ended'));
    await this.#connection.ended(this, typeof last === 'function' ? last() : last);
  }
}
