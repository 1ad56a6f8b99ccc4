/** An OpenAI-compatible `/embeddings` for tests: says what it was asked, and can be held, away, or full. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { stubVector } from './stub-vectors.ts';

/** What becomes of one request: `break`: it is read and counted, and its connection ends. A number: that status. */
export type EmbeddingBehaviour = 'answer' | 'break' | number;

export interface StubEmbedding {
  readonly url: string;
  /** Tokens that it bills: of what was answered, and of what broke. */
  readonly billedTokens: number;
  /** Texts of each request, in the order in which they came. */
  readonly asked: readonly (readonly string[])[];
  /** As {@link StubEmbedding.asked}, of those that were answered with vectors. */
  readonly answered: readonly (readonly string[])[];
  /** Answers so many requests, and lets the others wait. @default all */
  letThrough(count: number): void;
  /** Every request is refused with this status from now on; null: none is. */
  refuse(status: number | null): void;
  /** Requests with a text that holds this are refused with 400. */
  refuseTexts(part: string): void;
  /** What becomes of each request; null: as the others say. */
  behave(decide: ((texts: readonly string[]) => EmbeddingBehaviour) | null): void;
  until(holds: () => boolean | Promise<boolean>): Promise<void>;
  close(): Promise<void>;
}

export const stubTokens = (texts: readonly string[]) => texts.length * 3;

/** @param tokensOf how it counts */
export async function startStubEmbedding(
  dimensions: number,
  tokensOf: (texts: readonly string[]) => number = stubTokens,
): Promise<StubEmbedding> {
  const [asked, answered]: string[][][] = [[], []];
  let left = Number.POSITIVE_INFINITY;
  let refused: number | null = null;
  let refusedPart: string | null = null;
  let decide: ((texts: readonly string[]) => EmbeddingBehaviour) | null = null;
  let billedTokens = 0;
  let turn = Promise.withResolvers<void>();
  const server = createServer(async (request, response) => {
    const body = await readText(request).catch(() => '');
    // Who asked has gone before all of it came.
    if (!request.complete || body === '') return;
    const { input } = JSON.parse(body) as { input: string[] };
    asked?.push(input);
    const answer = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    while (refused === null && left <= 0) await turn.promise;
    if (refused !== null) return answer(refused, { error: { message: `refused with ${refused}` } });
    if (refusedPart !== null && input.some((text) => text.includes(refusedPart as string)))
      return answer(400, { error: { message: 'one of these cannot be embedded' } });
    const behaviour = decide?.(input) ?? 'answer';
    if (typeof behaviour === 'number') return answer(behaviour, { error: { message: `told to answer ${behaviour}` } });
    left -= 1;
    billedTokens += tokensOf(input);
    if (behaviour === 'break') return request.socket.destroy();
    answered?.push(input);
    return answer(200, {
      data: input.map((text, index) => ({ object: 'embedding', index, embedding: stubVector(text, dimensions) })),
      usage: { prompt_tokens: tokensOf(input), total_tokens: tokensOf(input) },
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const wake = () => {
    turn.resolve();
    turn = Promise.withResolvers();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    get billedTokens() {
      return billedTokens;
    },
    asked: asked ?? [],
    answered: answered ?? [],
    letThrough: (count) => {
      left = count;
      wake();
    },
    refuse: (status) => {
      refused = status;
      wake();
    },
    refuseTexts: (part) => {
      refusedPart = part;
    },
    behave: (how) => {
      decide = how;
    },
    until: async (holds) => {
      for (const end = Date.now() + 90_000; !(await holds()); await sleep(30))
        if (Date.now() > end)
          throw new Error(`asked ${asked?.length}, answered ${answered?.length}: not so after 90 s`);
    },
    close: async () => {
      left = Number.POSITIVE_INFINITY;
      wake();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
