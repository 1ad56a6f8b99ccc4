/** Brings the weights into a folder, once: from the first source that has them, checked, cut, and put there whole. */
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { artefact, graphFile, tokenizerFile } from './artefact.ts';
import { cutGraph } from './cut-graph.ts';
import { faultOf, faultOfWeights } from './prepared.ts';
import { type Source, sourcesOf, type Tell } from './sources.ts';

export interface FetchOptions {
  /** Gets `graph.onnx` and `tokenizer.model`. */
  readonly folder: string;
  /** In the order in which they are tried; see {@link sourcesOf}. */
  readonly from: readonly string[];
  /** Gets a line now and then while a file is under way. */
  readonly tell?: Tell;
}

/**
 * @returns where they came from; null: they were there
 * @throws Error naming every source with why it was of no use, and what to do
 */
export async function fetchWeights({ folder, from, tell = () => {} }: FetchOptions): Promise<string | null> {
  if ((await faultOfWeights(folder)) === null) return null;
  const reasons: string[] = [];
  await mkdir(folder, { recursive: true });
  for (const source of from.flatMap(sourcesOf)) {
    const work = await mkdtemp(join(folder, '.incoming-'));
    try {
      await prepare(source, work, folder, tell);
      return source.name;
    } catch (error) {
      reasons.push(`${source.name}: ${reasonOf(error)}`);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }
  throw new Error(
    `the weights of ${artefact.model} could not be fetched:\n- ${reasons.join('\n- ')}\n` +
      `Put ${artefact.file.name} (${artefact.file.bytes} bytes, SHA-256 ${artefact.file.sha256}) into a folder and ` +
      'name that as EMBEDDING_WEIGHTS.',
  );
}

async function prepare(source: Source, work: string, folder: string, tell: Tell): Promise<void> {
  const { name, ...expected } = artefact.file;
  const published = join(work, name);
  await source.bring(published, (line) => tell(`${source.name}: ${line}`));
  const fault = await faultOf(published, expected);
  if (fault) throw new Error(fault.replace(`${work}/`, ''));
  const { graph, tokenizer } = cutGraph(await readFile(published));
  await writeFile(join(work, graphFile.name), graph);
  await writeFile(join(work, tokenizerFile.name), tokenizer);
  const wrong = await faultOfWeights(work);
  if (wrong) throw new Error(`what was cut from it is not what was expected: ${wrong.replace(`${work}/`, '')}`);
  for (const file of [graphFile, tokenizerFile]) await rename(join(work, file.name), join(folder, file.name));
}

/** What fetch says itself is 'fetch failed'. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message} (${cause.message})` : message;
}
