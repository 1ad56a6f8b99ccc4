/** Callers who leave before they are answered, over real sockets, and what a service waits for meanwhile. */
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { VerifyCall } from '../../services/shared/auth/service-token.ts';
import type { App } from '../../services/shared/http/http.ts';

export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: object | undefined;
}

/** Sends the whole request from so many sockets, and breaks all of them when `meanwhile` is over; the service has heard it. */
export async function leave({ http }: App, callers: number, sent: Sent, meanwhile: () => Promise<unknown>) {
  const served = new Map<number | undefined, Socket>();
  const note = (socket: Socket) => served.set(socket.remotePort, socket);
  http.server.on('connection', note);
  const sockets = await Promise.all(Array.from({ length: callers }, () => open(http.server.address(), sent)));
  await meanwhile();
  http.server.off('connection', note);
  await Promise.all(
    sockets.map(async (socket) => {
      const closed = once(served.get(socket.localPort) as Socket, 'close');
      socket.destroy();
      await closed;
    }),
  );
}

export interface Leaving {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: object | undefined;
  /** More than there are slots. */
  readonly leavers: number;
  /** That one tenant may have. */
  readonly slots: number;
}

/** The statuses of as many calls at once as there are slots, after others left while their token was checked. */
export async function statusesAfterLeaving(
  app: App,
  { hold, letGo, checks }: ReturnType<typeof heldVerifier>,
  { path, headers, body, leavers, slots }: Leaving,
): Promise<number[]> {
  hold();
  await leave(app, leavers, { method: 'POST', path, headers, body }, () => checks(leavers));
  letGo();
  await new Promise(setImmediate);
  hold();
  const calls = Array.from({ length: slots }, () =>
    fetch(app.http.listeningOrigin + path, {
      method: 'POST',
      headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    }),
  );
  await checks(slots);
  letGo();
  return (await Promise.all(calls)).map(({ status }) => status);
}

async function open(address: AddressInfo | string | null, { method, path, headers, body }: Sent): Promise<Socket> {
  const socket = connect((address as AddressInfo).port, '127.0.0.1').on('error', () => {});
  await once(socket, 'connect');
  const text = body ? JSON.stringify(body) : '';
  const lines = Object.entries({
    host: 'a',
    ...(body && { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${text}`);
  return socket;
}

/** A verifier that checks no token before it is let go. */
export function heldVerifier(verify: VerifyCall) {
  let checking = 0;
  let held = Promise.withResolvers<void>();
  held.resolve();
  return {
    verify: async (...given: Parameters<VerifyCall>) => {
      checking += 1;
      await held.promise;
      checking -= 1;
      return verify(...given);
    },
    hold: () => {
      held = Promise.withResolvers();
    },
    letGo: () => held.resolve(),
    /** So many tokens wait to be checked. */
    checks: async (tokens: number) => {
      while (checking < tokens) await sleep(10);
    },
  };
}
