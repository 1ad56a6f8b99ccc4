/** A client of the line protocol that costs little: thousands of them fit beside what is measured. */
import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export interface Reply {
  readonly verb: string;
  readonly status: string;
  readonly need_code?: string;
  readonly retry_hint_ms?: number;
}

export class Lines {
  readonly #socket: Socket;
  readonly #waiting: ((reply: Reply) => void)[] = [];
  #rest = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('error', () => {});
    socket.on('data', (data: string) => {
      const lines = (this.#rest + data).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) this.#waiting.shift()?.(JSON.parse(line));
    });
    socket.on('close', () => {
      for (const next of this.#waiting.splice(0)) next({ verb: 'gone', status: 'gone' });
    });
  }

  static open(port: number): Promise<Lines> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      const lines = new Lines(socket);
      socket.once('connect', () => resolve(lines));
      socket.once('error', reject);
    });
  }

  ask(frame: string): Promise<Reply> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#socket.write(frame);
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** As many at once as a listening socket's backlog takes without losing a packet. */
const atOnce = 100;

export async function openMany(port: number, count: number): Promise<Lines[]> {
  const all: Lines[] = [];
  while (all.length < count)
    all.push(
      ...(await Promise.all(Array.from({ length: Math.min(atOnce, count - all.length) }, () => Lines.open(port)))),
    );
  return all;
}

const payload = Buffer.from('{"prompt":"x"}');
const sha256 = createHash('sha256').update(payload).digest('hex');
const share = { v: 0, verb: 'share', ttl_ms: 0 };

/** The two frames of the smallest job. */
export function jobFrames(job: string): { readonly manifest: string; readonly chunk: string } {
  const whole = { payload_id: 'P_1', content_type: 'application/json', content_encoding: 'identity', cipher: 'none' };
  const sizes = { total_bytes: payload.length, chunk_bytes: 8192, chunks: 1, sha256 };
  const part = { payload_id: 'P_1', index: 0, offset: 0, sha256, bytes_b64: payload.toString('base64') };
  return {
    manifest: `${JSON.stringify({ ...share, job, seq: 1, payload_manifest: { ...whole, ...sizes } })}\n`,
    chunk: `${JSON.stringify({ ...share, job, seq: 2, payload_chunk: part })}\n`,
  };
}

/** A job asked once: the governor refuses it at its manifest, heptamini at its last chunk. */
export async function submit(lines: Lines, job: string): Promise<Reply> {
  const { manifest, chunk } = jobFrames(job);
  const first = await lines.ask(manifest);
  return first.status === 'ok' ? lines.ask(chunk) : first;
}
