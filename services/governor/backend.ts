/** The inference endpoint behind the governor: any that takes a POST and answers. */
import { createHash } from 'node:crypto';

export interface BackendJob {
  readonly url: string;
  readonly contentType: string;
  readonly payload: Buffer;
  readonly signal: AbortSignal;
  /** Gets each piece as it comes; waited for. */
  readonly piece: (bytes: Buffer) => Promise<void> | void;
}

export interface BackendAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** @throws Error when it is away or breaks off; the signal's reason when it aborts */
export async function askBackend({ url, contentType, payload, signal, piece }: BackendJob): Promise<BackendAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    // A connection of its own: one that was kept may be closed by the endpoint in that moment, and a job is not sent twice.
    headers: { 'content-type': contentType, connection: 'close' },
    body: new Uint8Array(payload),
    signal,
    // An address that the operator did not name gets nothing.
    redirect: 'manual',
  });
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const part of response.body ?? []) {
    const data = Buffer.from(part);
    hash.update(data);
    bytes += data.length;
    await piece(data);
  }
  return {
    status: response.status,
    contentType: response.headers.get('content-type') ?? 'application/octet-stream',
    bytes,
    sha256: hash.digest('hex'),
  };
}
