/**
 * Fetches the weights: `node services/embedding/fetch-weights.ts [FOLDER [SOURCE...]]`. It prints how far it is, and at the
 * end in one line where they came from. Without a folder: where the image takes them from.
 */
import { join } from 'node:path';
import { Command } from 'commander';
import { artefact } from './weights/artefact.ts';
import { fetchWeights } from './weights/fetch.ts';

const [folder = '', ...given] = new Command('fetch-weights.ts')
  .description("Fetches the embedding model's weights.")
  .argument('[folder]', 'absent: where the image takes them from', join(import.meta.dirname, 'dist'))
  .argument('[sources...]', 'tried in turn; absent: EMBEDDING_WEIGHTS, else auto')
  .parse()
  .processedArgs.flat() as string[];
try {
  const source = await fetchWeights({
    folder,
    from: given.length > 0 ? given : [process.env.EMBEDDING_WEIGHTS || 'auto'],
    tell: (line) => console.log(line),
  });
  console.log(source ? `${artefact.model}, from ${source}` : artefact.model);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
