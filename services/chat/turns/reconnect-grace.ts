/** The time that readers of a turn have to come back. */

export interface ReconnectGrace {
  /** A reader of this replica came; the returned function says that it left. */
  enter(): () => void;
  /** A reader of another replica was seen. */
  seen(): void;
  close(): void;
}

/** Calls back once nobody has been there for `reconnectGraceMs`. */
export function createReconnectGrace(reconnectGraceMs: number, gone: () => void): ReconnectGrace {
  let readers = 0;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const wait = () => {
    clearTimeout(timer);
    if (readers === 0 && !closed) timer = setTimeout(gone, reconnectGraceMs);
  };
  wait();
  return {
    enter: () => {
      readers += 1;
      clearTimeout(timer);
      let left = false;
      return () => {
        if (left) return;
        left = true;
        readers -= 1;
        wait();
      };
    },
    seen: wait,
    close: () => {
      closed = true;
      clearTimeout(timer);
    },
  };
}
