/** `GET /v1/events`: one stream per browser tab with everything that its person may see. */
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import type { Identity } from '../../shared/auth/identity.ts';
import { routes } from '../../shared/contract/routes.ts';
import { createConcurrency } from '../../shared/http/concurrency.ts';
import { serve } from '../../shared/http/http.ts';
import { onClose } from '../../shared/http/on-close.ts';
import type { Api } from '../context.ts';
import { type Message, newest } from './event-hub.ts';
import { renderEvents } from './event-messages.ts';
import { eventsBetween, formatPosition, type LogPosition, parsePosition } from './event-store.ts';

/** Below the idle time of any balancer in between. */
const heartbeatMs = 15_000;
/** Who lost their session or tenant stops hearing after at most a minute. */
const heartbeatsPerCheck = 4;
/** A reader that has fallen so far behind does not keep up; it comes back and is told to fetch its lists. */
const bufferBytesMax = 1024 * 1024;
/**
 * News of more bytes at once becomes one `reload`. Below the buffer, or who comes back would be sent the same again and
 * fall behind again.
 */
const newsBytesMax = bufferBytesMax / 2;
/** After a lost connection: soon, but not all at the same moment. */
const retryMs = () => 1000 + Math.floor(Math.random() * 2000);

export function serveEvents(api: Api): void {
  const { app, events, transfers } = api;
  const streams = createConcurrency('event streams', transfers.eventStreams);

  serve(app, routes.events, async ({ identity, request, reply }) => {
    // Throws before anything is opened that would have to be closed.
    const now = events.position;
    streams.takeFor(identity, reply);

    const stream = new Readable({ read: () => {} });
    const write = (text: string) => {
      if (stream.destroyed || stream.readableEnded) return;
      stream.push(text);
      if (stream.readableLength > bufferBytesMax) stream.destroy();
    };
    const mine = ({ personId }: Message) => personId === null || personId === identity.personId;
    const tell = (messages: readonly Message[], position: LogPosition) =>
      write(bounded(messages.filter(mine), position));

    // News that comes while the past is replayed waits, so that the order holds.
    let waiting: (() => void)[] | null = [];
    const unwatch = events.watch(identity.tenantId, (messages, position) => {
      if (waiting) waiting.push(() => tell(messages, position));
      else tell(messages, position);
    });
    const stopHeart = heart(api, request, identity, write, () => stream.push(null));
    const end = () => stream.push(null);
    const lifetime = setTimeout(end, transfers.eventStreams.streamMs);
    endWhenStalled(reply.raw, transfers.eventStreams.stallMs);
    app.stopping.addEventListener('abort', end, { once: true });
    stream.once('close', () => {
      unwatch();
      stopHeart();
      clearTimeout(lifetime);
      app.stopping.removeEventListener('abort', end);
    });

    reply.headers({ 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
    write(`retry: ${retryMs()}\n\n`);
    replay(api, identity.tenantId, request.headers['last-event-id'], now).then(
      (past) => {
        tell(past, now);
        for (const send of waiting ?? []) send();
        waiting = null;
      },
      (error: Error) => stream.destroy(error),
    );
    return reply.send(stream);
  });
}

/** Ends an answer of which bytes wait that its reader does not take; also one that is ended already. */
function endWhenStalled(raw: ServerResponse, stallMs: number): void {
  let before = -1;
  let still = 0;
  const timer = setInterval(() => {
    const taken = (raw.socket?.bytesWritten ?? 0) - raw.writableLength;
    still = raw.writableLength > 0 && taken === before ? still + 1 : 0;
    before = taken;
    if (still === 2) raw.destroy();
  }, stallMs / 2);
  onClose(raw, () => clearInterval(timer));
}

/** What a watcher missed; `reload` when that is too much or nobody knows. */
async function replay(
  { db, scheduler }: Api,
  tenantId: string,
  lastEventId: string | string[] | undefined,
  now: LogPosition,
): Promise<Message[]> {
  if (lastEventId === undefined) return [];
  const from = parsePosition(String(lastEventId));
  if (from && formatPosition(from) === formatPosition(now)) return [];
  const missed = from && (await eventsBetween(db, tenantId, from, now));
  if (!missed) return [reload];
  return renderEvents(db, scheduler, tenantId, newest(missed));
}

const reload: Message = { event: 'reload', data: {}, personId: null };

function bounded(messages: readonly Message[], position: LogPosition): string {
  const text = frames(messages, position);
  return Buffer.byteLength(text) > newsBytesMax ? frames([reload], position) : text;
}

/** The id stands on the last frame alone: a connection that breaks in between gets all of them again. */
function frames(messages: readonly Message[], position: LogPosition): string {
  const id = `id: ${formatPosition(position)}\n`;
  // Without data this is no event, but the reader remembers the id.
  if (messages.length === 0) return `${id}\n`;
  return messages
    .map(
      ({ event, data }, index) =>
        `${index === messages.length - 1 ? id : ''}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`,
    )
    .join('');
}

/** Keeps the connection alive, and ends it when the caller may not listen any more. @returns stops it */
function heart(
  { authenticate }: Api,
  request: FastifyRequest,
  identity: Identity,
  write: (text: string) => void,
  end: () => void,
): () => void {
  let beats = 0;
  const timer = setInterval(() => {
    write(': \n\n');
    beats += 1;
    if (beats % heartbeatsPerCheck !== 0) return;
    authenticate(request).then(
      (still) => still?.tenantId !== identity.tenantId && end(),
      // Suspended meanwhile; should the database be away, the browser comes back by itself.
      () => end(),
    );
  }, heartbeatMs);
  return () => clearInterval(timer);
}
