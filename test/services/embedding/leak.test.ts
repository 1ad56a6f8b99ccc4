/** A replica lives for weeks: what a question leaves in its memory adds up. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from '@jest/globals';
import { startEngine } from '../../../services/embedding/inference/engine.ts';
import { preparedWeights, testWithWeights as test } from '../../support/embedding/weights.ts';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

test('what was embedded leaves nothing in memory', async () => {
  const engine = await startEngine(await preparedWeights());
  const { signal } = new AbortController();
  const askMany = async (times: number) => {
    for (let at = 0; at < times; at += 1) await engine.embed(['a'], { question: true, signal });
    await new Promise(setImmediate);
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = await askMany(500);
  const after = await askMany(1500);
  await engine.close();
  // A race with a promise that lives on left some 640 bytes of each.
  expect((after - before) / 1500).toBeLessThan(300);
  // 20 ms for each question on a busy machine.
}, 600_000);
