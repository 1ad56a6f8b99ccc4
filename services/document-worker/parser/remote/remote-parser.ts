/**
 * A provider's parser over HTTP: one request, one outcome, no retry. Retrying is the scheduler's, so that it costs its
 * place in the queue and its tokens.
 */
import { readBounded } from '../../../shared/http/read-bounded.ts';
import { networkCode, retryAfterMs, wasNeverReached } from '../../../shared/models/retry.ts';
import { formOf, headersOf, pathOf, type RemoteCall, type RemoteParserOptions } from './requests.ts';

export type RemoteOutcome =
  | { readonly is: 'answer'; readonly body: Uint8Array }
  /** The account is above its rate; not billed. */
  | { readonly is: 'throttled'; readonly retryAfterMs: number }
  /** Our key is wrong or may not do this; nothing will work until a person acts. */
  | { readonly is: 'account'; readonly message: string }
  /** What was sent is the fault: the same again fails again. */
  | { readonly is: 'content'; readonly code: 'too-large' | 'corrupt'; readonly message: string }
  /** May go well another time. `reached`: the provider may have done the work. */
  | { readonly is: 'failure'; readonly reached: boolean; readonly message: string };

/** Not the content's fault: a replica of docling-serve that does not know its own task says 404. */
const passing: readonly number[] = [404, 408, 425];
/** A provider that does not say when: long enough for a minute's limit to have room again. */
const retryAfterMsDefault = 10_000;
/** Of an error's text, in messages of pages. */
const reasonCharactersMax = 300;

export async function callParser(
  options: RemoteParserOptions,
  call: RemoteCall,
  signal: AbortSignal,
): Promise<RemoteOutcome> {
  const { name, url, timeoutMs, answerBytesMax } = options;
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(`${url.replace(/\/+$/, '')}${pathOf[name]}`, {
      method: 'POST',
      headers: headersOf(options, call),
      body: formOf(name, call),
      signal: AbortSignal.any([signal, deadline]),
      // The key goes to nobody else.
      redirect: 'error',
    });
    const body = await readBounded(response, answerBytesMax);
    if (!body) {
      const message = `The parser's answer has more than ${answerBytesMax} bytes, which are allowed.`;
      return { is: 'content', code: 'too-large', message };
    }
    return response.ok ? { is: 'answer', body } : refusal(response, body);
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.aborted) return { is: 'failure', reached: true, message: `No answer within ${timeoutMs / 1000} s.` };
    const code = networkCode(error);
    return {
      is: 'failure',
      reached: !wasNeverReached(error),
      message: `The connection broke: ${code || (error as Error).message}.`,
    };
  }
}

function refusal({ status, headers }: Response, body: Uint8Array): RemoteOutcome {
  const said = Buffer.from(body).toString('utf8').replaceAll('\0', '').slice(0, reasonCharactersMax).toWellFormed();
  const message = `The parser answered ${status}: ${said || 'no reason given'}`;
  if (status === 429) return { is: 'throttled', retryAfterMs: retryAfterMs({ headers }) ?? retryAfterMsDefault };
  if (status === 401 || status === 402 || status === 403) return { is: 'account', message };
  if (status === 413) return { is: 'content', code: 'too-large', message };
  if (status >= 400 && status < 500 && !passing.includes(status)) return { is: 'content', code: 'corrupt', message };
  return { is: 'failure', reached: true, message };
}
