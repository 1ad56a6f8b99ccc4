/**
 * A TCP proxy before a store, for tests of what happens when the network between fails: connections reset, a black hole
 * (everything is accepted, nothing passes), delay, refusal; for PostgreSQL also the answer to one statement cut off, so
 * that the statement is done but nobody is told.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type AnswerCut, type StatementReader, statementReader } from './postgres-wire.ts';

export interface StoreProxy {
  readonly port: number;
  /** The URL of the store with this proxy in place of its own address. */
  through(url: string): string;
  /** Resets every connection; new ones are let in. */
  reset(): void;
  /** From now on nothing passes, in either direction; sockets stay open and new ones are accepted. */
  blackHole(): void;
  /** As {@link blackHole} for the connections that are open now; new ones pass, as after a failover. */
  silence(): void;
  /** New connections are reset at once; those there are stay. */
  refuse(): void;
  /** Adds so much to every chunk from the store. */
  delay(ms: number): void;
  /** Undoes {@link blackHole}, {@link refuse} and {@link delay}; what was held back passes. */
  heal(): void;
  /**
   * PostgreSQL only: the next statement whose text matches reaches the server and is done; its answer does not come back,
   * the connection is reset instead. With `before` it does not even reach the server; with `serverKept` the server does not
   * hear that the client is gone, either.
   *
   * @returns resolves when it has happened
   */
  cutAnswer(statement: RegExp, how?: { readonly before?: boolean; readonly serverKept?: boolean }): Promise<void>;
  /** Connections that are open now. */
  readonly connections: number;
  close(): Promise<void>;
}

export interface ProxyOptions {
  /** Address of the store, asked at every connection. */
  readonly target: () => { readonly host: string; readonly port: number };
  /** What {@link StoreProxy.cutAnswer} needs to read. */
  readonly protocol?: 'postgres';
}

/** @param url of the store */
export const proxyOf = (url: string, protocol?: ProxyOptions['protocol']): Promise<StoreProxy> => {
  const { hostname, port } = new URL(url);
  return startProxy({ target: () => ({ host: hostname, port: Number(port) }), protocol });
};

export async function startProxy({ target, protocol }: ProxyOptions): Promise<StoreProxy> {
  const pairs = new Set<Pair>();
  const state = { passing: true, refusing: false, delayMs: 0 };
  const cuts: AnswerCut[] = [];

  const server = createServer((client) => {
    if (state.refusing) {
      client.on('error', () => {});
      client.resetAndDestroy();
      return;
    }
    const pair = newPair(client, connect(target()), state, protocol ? statementReader(cuts) : everything);
    pairs.add(pair);
    void pair.closed.then(() => pairs.delete(pair));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const release = () => {
    for (const pair of pairs) pair.flush();
  };
  return {
    port,
    through: (url) => {
      const changed = new URL(url);
      changed.host = `127.0.0.1:${port}`;
      return changed.href;
    },
    reset: () => {
      for (const pair of pairs) pair.reset();
    },
    blackHole: () => {
      state.passing = false;
    },
    silence: () => {
      for (const pair of pairs) pair.silence();
    },
    refuse: () => {
      state.refusing = true;
    },
    delay: (ms) => {
      state.delayMs = ms;
    },
    heal: () => {
      Object.assign(state, { passing: true, refusing: false, delayMs: 0 });
      release();
    },
    cutAnswer: (statement, { before = false, serverKept = false } = {}) =>
      new Promise((done) => {
        cuts.push({ statement, before, serverKept, done });
      }),
    get connections() {
      return pairs.size;
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const pair of pairs) pair.reset();
      await closed;
    },
  };
}

interface Pair {
  readonly closed: Promise<void>;
  silence(): void;
  flush(): void;
  reset(): void;
}

interface State {
  readonly passing: boolean;
  readonly delayMs: number;
}

const everything: StatementReader = { sent: () => 'pass', answered: () => 'pass' };

function newPair(client: Socket, store: Socket, state: State, reader: StatementReader): Pair {
  const held: (() => void)[] = [];
  let silent = false;
  /** In order, and not while the proxy is a black hole. */
  const pass = (act: () => void) => {
    if (state.passing && !silent && held.length === 0) act();
    else held.push(act);
  };
  const reset = () => {
    client.resetAndDestroy();
    store.resetAndDestroy();
  };
  let stranded = false;
  client.on('data', (chunk) =>
    pass(() => {
      const what = reader.sent(chunk);
      if (what === 'cut') return reset();
      if (what === 'pass') return void store.write(chunk);
      stranded = true;
      client.resetAndDestroy();
    }),
  );
  store.on('data', (chunk) =>
    pass(() => {
      const what = reader.answered(chunk);
      if (what === 'cut') return reset();
      if (what === 'drop') return;
      if (state.delayMs > 0) setTimeout(() => client.writable && client.write(chunk), state.delayMs);
      else client.write(chunk);
    }),
  );
  const closed = Promise.withResolvers<void>();
  for (const [socket, other] of [
    [client, store],
    [store, client],
  ] as const) {
    socket.on('error', () => {});
    // An end is a packet as any other: a black hole keeps it.
    socket.on('end', () => pass(() => void other.end()));
    socket.on('close', () => {
      if (state.passing && !stranded) other.destroy();
      if (client.closed && store.closed) closed.resolve();
    });
  }
  return {
    closed: closed.promise,
    silence: () => {
      silent = true;
    },
    flush: () => {
      silent = false;
      for (const act of held.splice(0)) act();
      if (client.closed || store.closed) reset();
    },
    reset,
  };
}
