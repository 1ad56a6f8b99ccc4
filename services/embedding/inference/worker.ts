/** The thread in which the model works, so that the service's own thread always answers. */
import { parentPort, workerData } from 'node:worker_threads';
import { loadModel } from './model.ts';

export type Ready = 'ready';
export type Reply = { readonly vectors: Float32Array; readonly tokens: number } | { readonly fault: string };

const port = parentPort;
if (!port) throw new Error('inference/worker.ts is started by inference/engine.ts, as a thread');
const model = await loadModel((workerData as { folder: string }).folder);
port.on('message', async (texts: readonly string[]) => {
  try {
    const { vectors, tokens } = await model.embed(texts);
    // A copy: what the runtime gave lies in memory of its own, which cannot be handed over.
    const own = new Float32Array(vectors);
    port.postMessage({ vectors: own, tokens } satisfies Reply, [own.buffer]);
  } catch (error) {
    port.postMessage({ fault: (error as Error).message } satisfies Reply);
  }
});
port.postMessage('ready' satisfies Ready);
