/** Which models a brain may be answered by. Each question is paid with the operator's key, so the operator lists them. */
import { type ProblemCode, ProblemError } from '../http/problem.ts';

/** Quotes only; costs nothing, so it is always allowed. */
export const extractiveName = 'extractive';

/** Of those the environment lists, the tenant's own choice; null: all. */
export const modelsOfTenant = (listed: readonly string[], own: readonly string[] | null): string[] =>
  listed.filter((name) => own === null || own.includes(name));

/** @throws ProblemError `code`, with what is allowed */
export function requireAllowedModel(
  allowed: readonly string[],
  model: string,
  code: ProblemCode,
  todo = 'Choose one of them, or ask the owner of this installation.',
): void {
  if (model === extractiveName || allowed.includes(model)) return;
  const names = [...allowed, extractiveName].map((name) => `'${name}'`).join(', ');
  throw new ProblemError(code, `The model is '${model}', allowed here are ${names}. ${todo}`);
}
