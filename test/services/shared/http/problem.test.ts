import { expect, test } from '@jest/globals';
import { problem } from '../../../../services/shared/contract/common.ts';
import { toOpenAiError } from '../../../../services/shared/http/openai-error.ts';
import { type ProblemCode, ProblemError, problems, yieldError } from '../../../../services/shared/http/problem.ts';

test.each(Object.keys(problems) as ProblemCode[])('%s is a problem of the contract', (code) => {
  const body = new ProblemError(code, 'why').toProblem();
  expect(problem.parse(body)).toEqual({
    type: 'about:blank',
    code,
    detail: 'why',
    status: code === 'yield' ? 'yield' : problems[code][0],
    title: problems[code][1],
  });
});

test('a yield says when to come back, in the body and for the header', () => {
  const error = yieldError('All 64 slots are taken.', 1200);
  expect(error.toProblem()).toMatchObject({ status: 'yield', code: 'yield', retry_hint_ms: 1200 });
  expect(error.status).toBe(503);
  expect(toOpenAiError(error)).toMatchObject({ status: 'yield', retry_hint_ms: 1200, error: { code: 'yield' } });
  expect(toOpenAiError(new ProblemError('quota', 'why'))).not.toHaveProperty('status');
  expect(error.extras.retryAfterS).toBe(2);
  expect(error.toProblem()).not.toHaveProperty('retryAfterS');
});
