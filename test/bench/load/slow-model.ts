/** A language model that writes for 12 s, the answers of the seed's service, in a process of its own. */
import { startModelServer, trickles } from '../../services/chat/model-server.ts';
import { said, startAside } from './process.ts';

/** 240 words, 20 a second. */
const words = 240;
const everyMs = 50;

export interface SlowModel {
  /** As an environment names it: its containers reach this machine by a name that podman gives them. */
  readonly chatModel: { readonly url: string; readonly model: string };
  stop(): void;
}

export async function startSlowModel(): Promise<SlowModel> {
  const child = startAside(import.meta.filename);
  const port = await said(child);
  return {
    chatModel: { url: `http://host.containers.internal:${port}/v1`, model: 'slow' },
    stop: () => void child.kill('SIGTERM'),
  };
}

if (import.meta.main && process.send) {
  const server = await startModelServer('0.0.0.0');
  server.behave(trickles(words, everyMs));
  process.send(server.port);
  process.once('disconnect', () => process.exit(0));
}
