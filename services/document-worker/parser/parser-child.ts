/** One parser child process, seen from the worker: one request at a time, a deadline per page, a memory limit. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import type { PageError } from '../../shared/contract/page.ts';
import type { Isolation } from './isolation.ts';
import type { ChildMessage, ChildRequest } from './protocol.ts';
import { RefusedError } from './reader.ts';
import { UnusableAnswerError } from './remote/blocks.ts';

export interface ChildOptions {
  readonly isolation: Isolation;
  readonly childModule: string;
  readonly folder: string;
  /** Longest time for one page, and for opening. */
  readonly pageTimeoutMs: number;
  /** Resident memory above which it is killed. */
  readonly memoryMaxMiB: number;
}

/** The child is gone, and why: a page's fault when one was being read. */
export class ChildLostError extends Error {
  readonly code: PageError['code'];
  /** False: it did not get as far as the pages. */
  readonly opened: boolean;

  constructor(code: PageError['code'], message: string, opened: boolean) {
    super(message);
    this.name = 'ChildLostError';
    this.code = code;
    this.opened = opened;
  }
}

/** What a child gives while it works. */
export type Given = Extract<ChildMessage, { type: 'page' | 'part' }>;

/** A child that takes longer to start than this will not. */
const startTimeoutMs = 30_000;
const memoryCheckMs = 250;
const stderrCharsMax = 500;

export class ParserChild {
  readonly #process: ChildProcess;
  readonly #options: ChildOptions;
  readonly #memoryCheck: NodeJS.Timeout;
  readonly #gone: Promise<void>;
  #stderr = '';
  #reason: { code: PageError['code']; message: string } | undefined;
  #listener: ((message: ChildMessage | 'gone') => void) | undefined;
  requests = 0;
  rssMiB = 0;
  alive = true;

  private constructor(options: ChildOptions) {
    this.#options = options;
    const [file, ...parameters] = options.isolation.command;
    this.#process = spawn(file, [...parameters, options.childModule], {
      cwd: options.folder,
      env: {},
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // Packed pages arrive as bytes.
      serialization: 'advanced',
    });
    // When the container's memory ends the kernel takes the child, not the worker.
    if (this.pid) writeFile(`/proc/${this.pid}/oom_score_adj`, '1000').catch(() => {});
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-stderrCharsMax);
      // As Node and PDFium say that the kernel gave no more.
      if (/out of memory|not enough memory|allocation.failed/i.test(text)) this.#reason ??= this.#tooMuchMemory;
    });
    this.#process.stderr?.on('error', () => {});
    this.#process.on('message', (message: ChildMessage) => this.#listener?.(message));
    this.#gone = new Promise((resolve) => {
      const gone = () => {
        this.alive = false;
        clearInterval(this.#memoryCheck);
        this.#listener?.('gone');
        resolve();
      };
      this.#process.once('exit', gone);
      // A channel that breaks may say so more than once; unheard, it would end the worker.
      this.#process.on('error', (error) => {
        this.#stderr = error.message;
        gone();
      });
    });
    this.#memoryCheck = setInterval(() => void this.#checkMemory(), memoryCheckMs).unref();
  }

  /** A child that is ready to read. @throws ChildLostError */
  static async start(options: ChildOptions): Promise<ParserChild> {
    const child = new ParserChild(options);
    await child.#exchange(startTimeoutMs, false, (message) => (message.type === 'ready' ? { value: undefined } : null));
    return child;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /**
   * Asks for pages or a part and gives each to `on`; answers the page count of the document.
   *
   * @throws RefusedError when the document cannot be opened
   * @throws UnusableAnswerError when a provider's answer cannot be read
   * @throws ChildLostError when the child died or had to be killed; pages given so far are good
   */
  async ask(request: ChildRequest, on: (given: Given) => void): Promise<number> {
    this.requests += 1;
    let pageCount = 0;
    let refusal: Error | undefined;
    const answer = this.#exchange(this.#options.pageTimeoutMs, 'convert' in request, (message) => {
      if (message.type === 'opened') pageCount = message.pageCount;
      if (message.type === 'page' || message.type === 'part') on(message);
      if (message.type === 'refused') refusal = new RefusedError(message.code, message.message);
      if (message.type === 'unusable') refusal = new UnusableAnswerError(message.message);
      if (message.type !== 'done') return null;
      this.rssMiB = message.rssMiB;
      return { value: pageCount };
    });
    if (this.alive) this.#process.send(request);
    const value = await answer;
    if (refusal) throw refusal;
    return value;
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#gone;
  }

  /** Feeds messages to `accept` until it has a value; each message must come within the time limit. */
  #exchange<Value>(
    timeoutMs: number,
    opened: boolean,
    accept: (message: ChildMessage) => { value: Value } | null,
  ): Promise<Value> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout;
      const wait = () => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          this.#reason ??= { code: 'timeout', message: `Reading took longer than ${timeoutMs / 1000} s.` };
          this.#process.kill('SIGKILL');
        }, timeoutMs);
      };
      const end = () => {
        clearTimeout(timer);
        this.#listener = undefined;
      };
      this.#listener = (message) => {
        if (message === 'gone') {
          end();
          const crash = {
            code: 'crash',
            message: `The parser crashed: ${storable(this.#stderr) || 'no message'}`,
          } as const;
          const { code, message: text } = this.#reason ?? crash;
          reject(new ChildLostError(code, text, opened));
          return;
        }
        opened ||= message.type === 'opened';
        const accepted = accept(message);
        if (!accepted) return wait();
        end();
        resolve(accepted.value);
      };
      wait();
      if (!this.alive) this.#listener('gone');
    });
  }

  get #tooMuchMemory() {
    return {
      code: 'too-large',
      message: `Reading needed more than ${this.#options.memoryMaxMiB} MiB of memory.`,
    } as const;
  }

  async #checkMemory(): Promise<void> {
    const statm = await readFile(`/proc/${this.pid}/statm`, 'utf8').catch(() => '');
    const rssMiB = (Number(statm.split(' ')[1] ?? 0) * pageBytes) / 2 ** 20;
    if (rssMiB <= this.#options.memoryMaxMiB) return;
    this.#reason ??= this.#tooMuchMemory;
    this.#process.kill('SIGKILL');
  }
}

/** A dying parser may write anything; PostgreSQL takes no NUL and no half a pair. */
const storable = (text: string) => text.replaceAll('\0', '').toWellFormed().trim();

/** Memory pages in /proc/{pid}/statm: 4 KiB on x86-64 and on Graviton under Amazon Linux and Debian. */
const pageBytes = 4096;
