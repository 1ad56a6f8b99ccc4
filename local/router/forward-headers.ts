/** The headers of a proxied request and its answer. Pure. */
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';

/** RFC 9110 7.6.1: they mean one connection, not the message. `host` is set anew, from what the browser asked for. */
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
];

/**
 * What the tier gets: the message's headers, and who asked for what. What a client claims to be is not believed.
 *
 * @param scheme by which people reach the router
 */
export function forwardHeaders(
  request: Pick<IncomingMessage, 'headers' | 'socket'>,
  scheme: 'http' | 'https',
): OutgoingHttpHeaders {
  const { headers, socket } = request;
  return {
    ...withoutHopByHop(headers),
    'x-forwarded-for': socket.remoteAddress ?? '127.0.0.1',
    'x-forwarded-host': headers.host ?? 'localhost',
    'x-forwarded-proto': scheme,
    // A body of unknown length must stay chunked; node:http frames it anew.
    ...(headers['transfer-encoding'] !== undefined && { 'transfer-encoding': 'chunked' }),
  };
}

export function answerHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return withoutHopByHop(headers);
}

function withoutHopByHop(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  const dropped = new Set([...hopByHop, ...named]);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.has(name)));
}
