/** What chat adds to a model's first token: the model asked by chat and past it, in turns. */
import { setTimeout as sleep } from 'node:timers/promises';
import { firstToken, type Subject } from '../load/calls.ts';
import { inAWord } from '../load/model.ts';
import type { Neighbours } from '../load/neighbours.ts';
import { isDisturbed } from '../load/probe.ts';
import type { FirstTokens } from './rows.ts';

/** What an answer leaves behind, its end and its ledger, is no part of the next one. */
const pauseMs = 250;

export async function firstTokens(
  subject: Subject,
  modelUrl: string,
  { calls, neighbours }: { readonly calls: number; readonly neighbours: Neighbours },
): Promise<FirstTokens> {
  const chatMs: number[] = [];
  const modelMs: number[] = [];
  const timed = async <Result>(into: number[], call: () => Promise<Result>): Promise<Result> => {
    const usedMs = neighbours.usedMs();
    const startedAt = performance.now();
    const result = await call();
    const timeMs = performance.now() - startedAt;
    if (!isDisturbed(timeMs, neighbours.usedMs() - usedMs)) into.push(timeMs);
    return result;
  };
  for (let call = 0; call < calls; call += 1) {
    const rest = await timed(chatMs, () => firstToken(subject, inAWord));
    await rest();
    await sleep(pauseMs);
    const restOfModel = await timed(modelMs, () => firstOfModel(modelUrl));
    await restOfModel();
    await sleep(pauseMs);
  }
  return { chatMs, modelMs };
}

async function firstOfModel(url: string): Promise<() => Promise<unknown>> {
  const response = await fetch(`${url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'told', stream: true, messages: [{ role: 'user', content: `How${inAWord}?` }] }),
  });
  const reader = response.body?.getReader();
  await reader?.read();
  return async () => {
    while (reader && !(await reader.read()).done);
  };
}
