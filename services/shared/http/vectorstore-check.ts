/** One look at the vectorstore tier, by the tiers that call it. */
import { UnavailableError } from './unavailable.ts';

const timeoutMs = 3000;

/** @throws UnavailableError */
export async function checkVectorstore(baseUrl: string): Promise<void> {
  const answer = await fetch(new URL('/livez', baseUrl), { signal: AbortSignal.timeout(timeoutMs) }).catch(
    (cause: Error) => {
      throw new UnavailableError('vectorstore', 'the vectorstore does not answer', { cause });
    },
  );
  await answer.body?.cancel();
  if (!answer.ok) throw new UnavailableError('vectorstore', `the vectorstore answered ${answer.status}`);
}
