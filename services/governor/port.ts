/** One port for two protocols: who begins with a capital letter speaks HTTP, everybody else the line protocol. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Whoever says nothing at all is not waited for longer. */
const firstByteTimeoutMs = 20_000;

export function sharePort(server: Server, serveLines: (socket: Socket) => void, stopping: AbortSignal): void {
  const ofHttp = server.listeners('connection');
  server.removeAllListeners('connection');
  const silent = new Set<Socket>();
  stopping.addEventListener('abort', () => {
    for (const socket of silent) socket.destroy();
  });
  server.on('connection', (socket: Socket) => {
    silent.add(socket);
    const timer = setTimeout(() => socket.destroy(), firstByteTimeoutMs);
    const heard = () => {
      silent.delete(socket);
      clearTimeout(timer);
    };
    // Destroyed by Node; without a listener it would end the process.
    socket.on('error', () => {});
    socket.once('close', heard);
    const left = () => socket.destroy();
    socket.once('end', left);
    socket.once('data', (first: Buffer) => {
      heard();
      socket.off('end', left);
      socket.pause();
      const byte = first[0] as number;
      if (byte >= 65 && byte <= 90) for (const listener of ofHttp) listener.call(server, socket);
      else serveLines(socket);
      socket.unshift(first);
      process.nextTick(() => socket.resume());
    });
  });
}
