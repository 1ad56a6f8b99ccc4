/**
 * A client of any OpenAI-compatible endpoint. Loaded when first used: who answers and embeds without one does not pay
 * for it.
 */
import type { OpenAI } from 'openai';
import { networkCode } from './retry.ts';

export interface EndpointSettings {
  readonly baseURL: string;
  /** Empty: none is sent. */
  readonly apiKey: string;
  /** Of every call. @default none */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** By which it is asked. @default `fetch` */
  readonly fetch?: typeof fetch;
}

/** @returns the same client for every call; retries and time limits are the caller's */
export function compatibleEndpoint({ baseURL, apiKey, headers, fetch }: EndpointSettings): () => Promise<OpenAI> {
  let client: Promise<OpenAI> | undefined;
  const load = async () => {
    const { OpenAI: Client } = await import('openai');
    return new Client({
      baseURL,
      // It insists on a key; a header of null is not sent.
      apiKey: apiKey || 'none',
      defaultHeaders: { ...headers, ...(!apiKey && { authorization: null }) },
      // What is not set here it would take from variables of its own.
      organization: null,
      project: null,
      maxRetries: 0,
      ...(fetch && { fetch }),
      logLevel: 'off',
    });
  };
  return () => {
    client ??= load();
    return client;
  };
}

/** What the endpoint answered, its status first, or what became of the connection. */
export function failureText(error: unknown): string {
  const { message } = error as Error;
  const code = networkCode(error);
  return code ? `${message} (${code})` : message;
}
