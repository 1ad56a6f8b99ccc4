/**
 * Frames of the governor's TCP protocol: one JSON object a line. Compatible with heptamini's client; what is added (`cancel`,
 * `token`, `tenant`, `output`) a client may leave out. Pure.
 */
import { z } from 'zod';

const whole = z.int().min(0);
const name = z.string().min(1).max(128);

export const manifestSchema = z.object({
  payload_id: name,
  /** Of the payload, for the backend. */
  content_type: z.string().max(200).default('application/octet-stream'),
  content_encoding: z.enum(['', 'identity']).default('identity'),
  cipher: z.enum(['', 'none']).default('none'),
  total_bytes: whole.default(0),
  chunk_bytes: whole.min(1),
  chunks: whole.min(1),
  /** Of the whole payload, in hex; empty: not checked. */
  sha256: z.string().max(100).default(''),
  /** What comes back: `whole` in the last frame, `stream` as it comes, `none`. */
  output: z.enum(['whole', 'stream', 'none']).default('whole'),
});
export type Manifest = z.output<typeof manifestSchema>;

const chunkSchema = z.object({
  payload_id: z.string(),
  index: whole,
  offset: whole.default(0),
  sha256: z.string(),
  bytes_b64: z.string(),
});
export type Chunk = z.output<typeof chunkSchema>;

const requestSchema = z.object({
  v: z.int().default(0),
  verb: z.string().default(''),
  job: z.string().max(256).default(''),
  seq: whole.default(0),
  ttl_ms: whole.default(0),
  token: z.string().max(1000).default(''),
  /** Shares the slots with others; said by whoever the governor trusts. */
  tenant: z.string().max(128).default(''),
  status: z.string().default(''),
  need_code: z.string().default(''),
  error_code: z.string().default(''),
  retry_hint_ms: whole.default(0),
  receipts: z.array(z.unknown()).default([]),
  // Looked at by itself: what is wrong there is `manifest_invalid`.
  payload_manifest: z.looseObject({}).optional(),
  payload_chunk: chunkSchema.optional(),
});
export type RequestFrame = Omit<z.output<typeof requestSchema>, 'verb'> & {
  readonly verb: 'share' | 'ping' | 'cancel';
};

export interface Receipt {
  readonly kind: string;
  readonly value_u64: number;
}

export interface ReplyFrame {
  readonly v: 0;
  readonly verb: 'clarify' | 'confirm' | 'share';
  readonly job: string;
  readonly seq: number;
  readonly ttl_ms: number;
  readonly status?: 'ok' | 'need' | 'yield' | 'done' | 'abort';
  readonly need_code?: string;
  readonly error_code?: string;
  readonly retry_hint_ms?: number;
  readonly receipts?: readonly Receipt[];
  /** A piece of the output, where it was asked to stream. */
  readonly payload_chunk?: Chunk;
  readonly output?: Output;
}

/** What the backend answered. */
export interface Output {
  readonly http_status: number;
  readonly content_type: string;
  readonly total_bytes: number;
  readonly sha256: string;
  /** Absent: it was streamed, or not asked for. */
  readonly bytes_b64?: string;
}

/** What is wrong with a line, in the words of the protocol, and whose it was if that can be told. */
export interface BadLine {
  readonly needCode: string;
  readonly errorCode: 'bad_frame' | 'bad_envelope';
  readonly from?: { readonly job: string; readonly seq: number; readonly ttl_ms: number };
}

export function readFrame(line: string): { readonly frame: RequestFrame } | { readonly bad: BadLine } {
  let given: unknown;
  try {
    given = JSON.parse(line);
  } catch {
    return { bad: { needCode: kindOf(line), errorCode: 'bad_frame' } };
  }
  const read = requestSchema.safeParse(given);
  if (!read.success) return { bad: { needCode: kindOf(line), errorCode: 'bad_frame' } };
  const frame = read.data;
  const { job, seq, ttl_ms } = frame;
  if (!isEnvelope(frame))
    return {
      bad: { needCode: 'envelope_invalid', errorCode: 'bad_envelope', from: { job: job || unknownJob, seq, ttl_ms } },
    };
  return { frame: frame as RequestFrame };
}

export const unknownJob = 'J_?';

function isEnvelope({ v, verb, job, seq, ...frame }: z.output<typeof requestSchema>): boolean {
  const payloads = Number(frame.payload_manifest !== undefined) + Number(frame.payload_chunk !== undefined);
  const ofServer =
    frame.status !== '' ||
    frame.need_code !== '' ||
    frame.error_code !== '' ||
    frame.retry_hint_ms !== 0 ||
    frame.receipts.length > 0;
  if (v !== 0 || job === '' || seq === 0 || ofServer) return false;
  return verb === 'share' ? payloads === 1 : (verb === 'ping' || verb === 'cancel') && payloads === 0;
}

const kinds: readonly (readonly [RegExp, string])[] = [
  [/^(GET|POST|PUT|HEAD) /, 'http_request'],
  [/^GIF8[79]a/, 'binary_gif'],
  [/^<(!DOCTYPE|html|HTML)/, 'html_document'],
  [/^<(\?xml|rss|feed)/, 'xml_document'],
  [/^\[/, 'json_array'],
  [/^\{/, 'json_malformed'],
];
const kindOf = (line: string) => kinds.find(([pattern]) => pattern.test(line))?.[1] ?? 'not_json';
