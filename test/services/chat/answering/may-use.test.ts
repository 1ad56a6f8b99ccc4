import { expect, test } from '@jest/globals';
import { answerMayUse } from '../../../../services/chat/answering/may-use.ts';
import { buildPrompt } from '../../../../services/chat/answering/prompt.ts';
import { unembedded } from '../../../../services/chat/answering/retrieval.ts';
import type { ConfiguredModel } from '../../../../services/shared/models/configured-models.ts';

const model = { name: 'm', contextTokens: null, price: null } as ConfiguredModel;
const choice = {
  answerer: { kind: 'model', name: 'm' },
  fallback: null,
  instructions: '',
  vectors: unembedded,
} as const;

test('the state of a conversation is held with its question: it is in every prompt', () => {
  const state = { notes: 'order 4711 is late '.repeat(200) };
  const held = (of?: unknown) => answerMayUse([model], choice, { text: 'Where is it?', state: of }).tokens;
  const prompt = (of: Record<string, unknown>) =>
    buildPrompt({
      question: 'Where is it?',
      passages: [],
      history: [],
      boundary: 'b',
      instructions: '',
      state: of,
    }).tokens;
  expect(held(state) - held()).toBeGreaterThanOrEqual(prompt(state) - prompt({}));
});
