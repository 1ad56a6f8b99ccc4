/** A language model that writes for 12 s, the answers of the seed's service, in a process of its own. */
import type { EnvironmentInput } from '../../../stacks/environment.ts';
import { startModelServer, trickles } from '../../services/chat/model-server.ts';
import { said, startAside } from './process.ts';

/** 240 words, 20 a second. */
const words = 240;
const everyMs = 50;
/** Of one answer. */
export const wordsPerSecond = 1000 / everyMs;

/** The environment with that model, while `use` runs: containers reach this machine by a name that podman gives them. */
export async function withSlowModel<Result>(
  environment: EnvironmentInput,
  use: (environment: EnvironmentInput) => Promise<Result>,
): Promise<Result> {
  const child = startAside(import.meta.filename);
  try {
    const port = await said(child);
    return await use({
      ...environment,
      chatModel: { url: `http://host.containers.internal:${port}/v1`, model: 'slow' },
    });
  } finally {
    // Also when the bench fails: it would wait for this process for ever.
    child.kill('SIGTERM');
  }
}

if (import.meta.main && process.send) {
  const server = await startModelServer('0.0.0.0');
  server.behave(trickles(words, everyMs));
  process.send(server.port);
  process.once('disconnect', () => process.exit(0));
}
