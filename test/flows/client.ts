/** A client of the public API: calls by the route table, checks every answer against its schema, keeps its cookies. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { z } from 'zod';
import { type Parts, toRequest } from '../../client/request.ts';
import type { Document } from '../../services/shared/contract/brain.ts';
import { type TurnEvent, turnEvents } from '../../services/shared/contract/chat.ts';
import { type Job, job as jobSchema, terminalStatuses } from '../../services/shared/contract/job.ts';
import { type Route, routes } from '../../services/shared/contract/routes.ts';

/** A problem answer, as an error whose message says all of it. */
export class ProblemAnswer extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Headers;
  constructor(route: Route, response: Response, body: string) {
    super(`${route.method} ${route.path}: ${response.status} ${body}`);
    this.status = response.status;
    this.headers = response.headers;
    this.code = JSON.parse(body || '{}').code ?? 'none';
  }
}

export class Client {
  readonly url: string;
  #cookie = '';
  #bearer: string | undefined;

  constructor(url: string, bearer?: string) {
    this.url = url;
    this.#bearer = bearer;
  }

  /** Of a session that another client, perhaps of another process, has opened. */
  static ofSession(url: string, cookie: string): Client {
    const client = new Client(url);
    client.#cookie = cookie;
    return client;
  }

  get cookie(): string {
    return this.#cookie;
  }

  /** The raw answer. */
  async send(route: Route, options: Parts = {}): Promise<Response> {
    const { path, init } = toRequest(route, options);
    const response = await fetch(`${this.url}${path}`, {
      ...init,
      redirect: 'manual',
      headers: {
        ...(this.#cookie && { cookie: this.#cookie, origin: this.url }),
        ...(this.#bearer && { authorization: `Bearer ${this.#bearer}` }),
        ...init.headers,
      },
    });
    const set = response.headers.getSetCookie().map((cookie) => cookie.split(';')[0] as string);
    if (set.length > 0) this.#cookie = set.join('; ');
    return response;
  }

  /** The answer's body, checked. @throws ProblemAnswer */
  async call<R extends Route>(
    route: R,
    options: Parts = {},
  ): Promise<z.output<R['responses'][keyof R['responses']] & z.ZodType>> {
    const response = await this.send(route, options);
    const text = await response.text();
    const schema = (route.responses as Record<number, z.ZodType>)[response.status];
    if (!schema) throw new ProblemAnswer(route, response, text);
    return schema.parse(JSON.parse(text)) as z.output<R['responses'][keyof R['responses']] & z.ZodType>;
  }

  async signInByLink(token: string): Promise<void> {
    await this.call(routes.redeemLink, { body: { token } });
  }

  /** Uploads a file; the raw answer, so that tests see its headers. */
  async upload(
    brain: string,
    path: string,
    { name = basename(path), headers = {} as Record<string, string> } = {},
  ): Promise<Response> {
    const form = new FormData();
    form.append('file', new Blob([await readFile(path)]), name);
    return this.send(routes.uploadDocument, { params: { brain }, body: form, headers });
  }

  /** Uploads a file that must be accepted. */
  async ingest(
    brain: string,
    path: string,
    options?: { name?: string; headers?: Record<string, string> },
  ): Promise<Job> {
    const response = await this.upload(brain, path, options);
    const text = await response.text();
    if (response.status !== 202) throw new ProblemAnswer(routes.uploadDocument, response, text);
    return jobSchema.parse(JSON.parse(text));
  }

  /** Waits for the end of a job by the contract's own long poll. */
  async finished(jobId: string, timeoutMs = 150_000): Promise<Job> {
    return this.until(jobId, (job) => terminalStatuses.has(job.status), timeoutMs);
  }

  async until(jobId: string, holds: (job: Job) => boolean, timeoutMs = 150_000): Promise<Job> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const job = await this.call(routes.getJob, { params: { job: jobId } });
      if (holds(job)) return job;
      if (Date.now() > deadline)
        throw new Error(`job ${jobId} did not get there in ${timeoutMs} ms: ${JSON.stringify(job)}`);
      // Short of `wait=30`: some callers look for states between.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Waits until its vectors are there, where there are to be any. */
  async searchedWhole(id: string, timeoutMs = 150_000): Promise<Document> {
    for (const deadline = Date.now() + timeoutMs; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
      const document = await this.document(id);
      if (document.search !== null && document.search !== 'improving') return document;
      if (Date.now() > deadline) throw new Error(`document ${id} is still searched as ${document.search}`);
    }
  }

  async document(id: string): Promise<Document> {
    return this.call(routes.getDocument, { params: { document: id } });
  }

  /** Asks in a new conversation; every event of the stream, checked. */
  async ask(brain: string, question: string): Promise<{ conversation: string; events: TurnEvent[] }> {
    const conversation = await this.call(routes.createConversation, { body: { brain_id: brain } });
    return { conversation: conversation.id, events: await this.askIn(conversation.id, question) };
  }

  async askIn(conversation: string, question: string): Promise<TurnEvent[]> {
    const response = await this.send(routes.createTurn, { params: { conversation }, body: { question } });
    if (response.status !== 200) throw new ProblemAnswer(routes.createTurn, response, await response.text());
    return collect(response);
  }
}

/** All events of a turn's stream, checked against the contract. */
export async function collect(response: Response): Promise<TurnEvent[]> {
  const events: TurnEvent[] = [];
  const stream = (response.body as ReadableStream<Uint8Array>)
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .pipeThrough(new EventSourceParserStream());
  for await (const { event, data } of stream) {
    const name = event as TurnEvent['event'];
    events.push({ event: name, data: turnEvents[name].parse(JSON.parse(data)) } as TurnEvent);
  }
  return events;
}

export const ofKind = <Name extends TurnEvent['event']>(events: readonly TurnEvent[], name: Name) =>
  events
    .filter((event): event is Extract<TurnEvent, { event: Name }> => event.event === name)
    .map(({ data }) => data as Extract<TurnEvent, { event: Name }>['data']);
