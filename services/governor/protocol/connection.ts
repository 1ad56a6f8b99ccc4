/**
 * One TCP connection: reads lines in order, answers each, and runs jobs beside. A job gets its slot with its manifest, before
 * a byte of it is stored, and loses it when it ends, when it is taken back, when it comes too slowly or when its peer is gone.
 */
import type { Socket } from 'node:net';
import type { Gate } from '../gate.ts';
import {
  type BadLine,
  type Manifest,
  manifestSchema,
  type ReplyFrame,
  type RequestFrame,
  readFrame,
  unknownJob,
} from './frames.ts';
import { Job, type JobLimits, type JobPeer } from './job.ts';
import { type LineLimits, LineReader, type UnfinishedLines } from './lines.ts';
import { type Replies, replies } from './replies.ts';
import { declaredBytes } from './upload.ts';

export interface Limits extends LineLimits, JobLimits {
  readonly payloadBytesMax: number;
  readonly jobsPerConnection: number;
  /** Between two lines, while no job runs; and until a peer has taken what waits for it. */
  readonly idleTimeoutMs: number;
}

export interface ConnectionOptions {
  readonly gate: Gate;
  readonly backendUrl: string;
  /** Empty: none is asked for. */
  readonly token: string;
  readonly limits: Limits;
  readonly unfinished: UnfinishedLines;
  readonly stopping: AbortSignal;
}

/** Runs until the connection is closed. */
export async function serveConnection(socket: Socket, options: ConnectionOptions): Promise<void> {
  await new Connection(socket, options).closed;
}

class Connection implements JobPeer {
  readonly closed: Promise<void>;
  readonly options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #jobs = new Map<string, Job>();
  readonly #reader: LineReader;
  readonly #say: Replies;
  #last = { job: unknownJob, seq: 0, ttl_ms: 0 };
  #idle: NodeJS.Timeout | undefined;
  #taken: Promise<void> | undefined;
  #proven: boolean;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.options = options;
    this.#socket = socket;
    this.#reader = new LineReader(options.limits, options.unfinished);
    this.#say = replies(options.gate);
    this.#proven = options.token === '';
    socket.on('error', () => socket.destroy());
    // Whoever sends no more is not waited for: nobody could take a job back any more.
    socket.on('end', () => socket.destroy());
    // Not events.once: that rejects when a connection ends with an error.
    this.closed = new Promise<void>((resolve) => {
      if (socket.closed) resolve();
      socket.once('close', () => resolve());
    }).then(() => this.#leave());
    this.#wait();
    let reading = Promise.resolve();
    let pending = 0;
    socket.on('data', (data: Buffer) => {
      const lines = this.#reader.push(data);
      pending += 1;
      // What comes meanwhile stays where it is: no more than one piece waits here.
      if (pending > 1) socket.pause();
      reading = reading
        .then(() => (lines ? this.#read(lines) : this.#refuseLine()))
        .then(() => {
          pending -= 1;
          if (pending === 0) socket.resume();
        })
        .catch(() => void socket.destroy());
    });
    options.stopping.addEventListener('abort', this.#stop);
    if (options.stopping.aborted) this.#stop();
  }

  /** A peer that does not read holds nothing here but one piece and the last frames of its jobs, and not for long. */
  async send(frame: ReplyFrame): Promise<void> {
    if (this.#socket.destroyed || this.#socket.write(`${JSON.stringify(frame)}\n`)) return;
    this.#taken ??= this.#untilTaken();
    await this.#taken;
  }

  async #untilTaken(): Promise<void> {
    const late = setTimeout(() => this.#socket.destroy(), this.options.limits.idleTimeoutMs);
    await new Promise<void>((resolve) => {
      this.#socket.once('drain', () => resolve());
      void this.closed.then(resolve);
    });
    clearTimeout(late);
    this.#taken = undefined;
  }

  async ended(job: Job, frame: ReplyFrame | null): Promise<void> {
    if (this.#jobs.get(job.id) === job) this.#jobs.delete(job.id);
    const sent = frame && this.send(frame);
    // Not after it is sent: its peer may never read it.
    this.#wait();
    if (this.options.stopping.aborted) this.#stop();
    await sent;
  }

  async #read(lines: readonly string[]): Promise<void> {
    for (const line of lines) {
      if (this.#socket.destroyed) return;
      if (line === '') continue;
      const read = readFrame(line);
      if ('bad' in read) await this.#refuse(read.bad);
      else await this.#take(read.frame);
      this.#wait();
    }
  }

  async #take(frame: RequestFrame): Promise<void> {
    this.#last = frame;
    if (frame.verb === 'ping') return this.send(this.#say.pong(frame));
    this.#proven ||= frame.token === this.options.token;
    if (!this.#proven) return this.#end(this.#say.abort(frame, 'unauthorized', 'unauthorized', 'rejected', 'envelope'));
    const job = this.#jobs.get(frame.job);
    if (frame.verb === 'cancel')
      return job ? job.cancel(frame) : this.send(this.#say.need(frame, 'job_unknown', 'need_manifest_or_chunk'));
    if (frame.payload_manifest) return this.#open(frame, job);
    if (!job || job.running) return this.send(this.#say.need(frame, 'manifest_missing', 'need_more'));
    return job.add(frame);
  }

  /** Admission: before anything of the payload has come. */
  async #open(frame: RequestFrame, known: Job | undefined): Promise<void> {
    const { limits, gate, stopping } = this.options;
    const manifest = this.#manifestOf(frame);
    if (!manifest || known?.running)
      return this.send(this.#say.need(frame, 'manifest_invalid', 'need_manifest_fix', 'manifest'));
    if (known) return known.restart(frame, manifest);
    if (this.#jobs.size >= limits.jobsPerConnection)
      return this.#end(this.#say.abort(frame, 'too_many_jobs', 'quota', 'rejected', 'quota'));
    const slot = stopping.aborted ? { retryHintMs: stoppingHintMs } : await gate.take(frame.tenant);
    if ('retryHintMs' in slot) return this.send(this.#say.busy(frame, slot.retryHintMs));
    // It left while it was asked for.
    if (this.#socket.destroyed) return slot.end('cancelled');
    const job = new Job(this, this.#say, frame, manifest, slot.end);
    this.#jobs.set(frame.job, job);
    this.#wait();
    return this.send(this.#say.ok(frame));
  }

  #manifestOf(frame: RequestFrame): Manifest | null {
    const { data } = manifestSchema.safeParse(frame.payload_manifest);
    return data && declaredBytes(data) <= this.options.limits.payloadBytesMax ? data : null;
  }

  #refuse({ needCode, errorCode, from }: BadLine): Promise<void> {
    return this.send(this.#say.need(from ?? this.#last, needCode, errorCode, 'envelope'));
  }

  #refuseLine(): Promise<void> {
    return this.#end(this.#say.abort(this.#last, 'line_too_large', 'bad_frame', 'rejected', 'envelope'));
  }

  async #end(frame: ReplyFrame): Promise<void> {
    // Not waited for: who does not read would hold it open.
    void this.send(frame);
    this.#close();
  }

  #close(): void {
    this.#socket.end(() => this.#socket.destroy());
    setTimeout(() => this.#socket.destroy(), lingerMs).unref();
  }

  /** Time starts anew; none while a job runs, which has its own. */
  #wait(): void {
    clearTimeout(this.#idle);
    if (this.#socket.destroyed || [...this.#jobs.values()].some(({ running }) => running)) return;
    this.#idle = setTimeout(() => {
      void this.#end(this.#say.abort(this.#last, 'idle_timeout', 'timeout', 'timeout', 'timeout'));
    }, this.options.limits.idleTimeoutMs);
  }

  readonly #stop = () => {
    if (this.#jobs.size === 0) this.#close();
  };

  #leave(): void {
    clearTimeout(this.#idle);
    this.options.stopping.removeEventListener('abort', this.#stop);
    this.#reader.close();
    for (const job of this.#jobs.values()) job.gone();
    this.#jobs.clear();
  }
}

/** Another replica is there within that. */
const stoppingHintMs = 1000;
/** For the last frame to be read. */
const lingerMs = 1000;
