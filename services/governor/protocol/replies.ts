/** What the governor answers. Every frame carries receipts: how full it is, and what it has done since the start. */
import type { Gate } from '../gate.ts';
import type { Receipt, ReplyFrame, RequestFrame } from './frames.ts';

const outcomes = { served: 1, rejected: 2, deferred: 3, timeout: 4, dropped: 5 } as const;
const reasons = {
  busy: 1,
  envelope: 2,
  manifest: 3,
  chunk: 4,
  quota: 5,
  gone: 7,
  backend: 8,
  timeout: 9,
} as const;
type Reason = keyof typeof reasons;

/** Whose line is answered. */
export type From = Pick<RequestFrame, 'job' | 'seq' | 'ttl_ms'>;

export type Replies = ReturnType<typeof replies>;

export function replies(gate: Gate) {
  const core = (bytesIn: number): Receipt[] => [
    { kind: 'server.health', value_u64: gate.full ? 0 : 1 },
    { kind: 'backend.inflight', value_u64: gate.inFlight },
    { kind: 'backend.cap', value_u64: gate.max },
    { kind: 'server.executed_total', value_u64: gate.counts.executed },
    { kind: 'server.yielded_total', value_u64: gate.counts.yielded },
    { kind: 'server.completed_total', value_u64: gate.counts.completed },
    { kind: 'server.cancelled_total', value_u64: gate.counts.cancelled },
    { kind: 'cdr.bytes_in', value_u64: bytesIn },
  ];
  const frame = ({ job, seq, ttl_ms }: From, later: number): Pick<ReplyFrame, 'v' | 'job' | 'seq' | 'ttl_ms'> => ({
    v: 0,
    job,
    seq: seq + later,
    ttl_ms,
  });
  const because = (reason: Reason | undefined): Receipt[] =>
    reason ? [{ kind: 'conn.outcome_reason', value_u64: reasons[reason] }] : [];
  const ending = (outcome: keyof typeof outcomes, reason?: Reason): Receipt[] => [
    { kind: 'conn.outcome', value_u64: outcomes[outcome] },
    ...because(reason),
  ];
  /** Of a job that ran: nothing waited in a queue, there is none. */
  const ran = (backendMs: number | null): Receipt[] =>
    backendMs === null
      ? []
      : [
          { kind: 'cdr.queue.ms', value_u64: 0 },
          { kind: 'cdr.backend.ms', value_u64: Math.round(backendMs) },
        ];

  return {
    pong: (from: From): ReplyFrame => ({ ...frame(from, 1), verb: 'confirm', status: 'ok', receipts: core(0) }),
    ok: (from: From, bytesIn = 0): ReplyFrame => ({
      ...frame(from, 1),
      verb: 'clarify',
      status: 'ok',
      receipts: core(bytesIn),
    }),
    need: (from: From, need_code: string, error_code: string, reason?: Reason, bytesIn = 0): ReplyFrame => ({
      ...frame(from, 1),
      verb: 'clarify',
      status: 'need',
      need_code,
      error_code,
      receipts: [...core(bytesIn), ...because(reason)],
    }),
    busy: (from: From, retry_hint_ms: number): ReplyFrame => ({
      ...frame(from, 1),
      verb: 'clarify',
      status: 'yield',
      need_code: 'server_busy',
      error_code: 'busy',
      retry_hint_ms,
      receipts: [...core(0), ...ending('deferred', 'busy'), { kind: 'conn.retry_hint_ms', value_u64: retry_hint_ms }],
    }),
    abort: (
      from: From,
      need_code: string,
      error_code: string,
      outcome: keyof typeof outcomes,
      reason: Reason,
      { bytesIn = 0, backendMs = null as number | null } = {},
    ): ReplyFrame => ({
      ...frame(from, backendMs === null ? 1 : 2),
      verb: 'confirm',
      status: 'abort',
      need_code,
      error_code,
      receipts: [...core(bytesIn), ...ran(backendMs), ...ending(outcome, reason)],
    }),
    done: (from: From, bytesIn: number, backendMs: number, output: ReplyFrame['output']): ReplyFrame => ({
      ...frame(from, 2),
      verb: 'confirm',
      status: 'done',
      output,
      receipts: [...core(bytesIn), ...ran(backendMs), ...ending('served')],
    }),
    piece: (from: From, payload_chunk: NonNullable<ReplyFrame['payload_chunk']>): ReplyFrame => ({
      ...frame(from, 1),
      verb: 'share',
      payload_chunk,
    }),
  };
}
