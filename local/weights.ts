/** Gets the embedding's weights into the data folder; without them the tier is left out, and nothing else. */
import { join } from 'node:path';
import { execa } from 'execa';
import { type Environment, placedServices } from '../environments/environment.ts';
import { projectFolder } from '../stacks/images/run.ts';
import { runToEnd } from './processes/one-shot.ts';
import { type DeploymentState, logOf, logPath, need } from './state.ts';
import { serviceCommand } from './tiers.ts';

/** 72 MB at 100 KB/s, from the second source when the first one is slow to say no. */
const timeoutMs = 25 * 60_000;

export async function fetchWeights(state: DeploymentState): Promise<string | undefined> {
  const { outer, programs, environment } = state;
  if (!placedServices(environment).includes('embedding')) return 'not needed';
  if (outer.EMBEDDING_URL) {
    leaveOut(state);
    return `not needed, ${outer.EMBEDDING_URL} embeds`;
  }
  const from = outer.EMBEDDING_WEIGHTS || 'auto';
  if (!programs.fetchWeights) {
    leaveOut(state);
    return 'left out';
  }
  if (from === 'none') return without(state, 'EMBEDDING_WEIGHTS is none');
  const folder = join(need(state, 'folder').path, 'models');
  state.own.embedding = { ...state.own.embedding, EMBEDDING_WEIGHTS_FOLDER: folder };
  const [script, ...args] = programs.fetchWeights;
  const command = serviceCommand([script, ...args, folder, from], {}, [], outer);
  try {
    const printed = await runToEnd({
      name: 'fetch-weights',
      command: { ...command, env: { ...command.env, ...ofPip(outer) } },
      timeoutMs,
      log: logOf(state, 'fetch-weights'),
      logPath: logPath(state, 'fetch-weights'),
      onLine: state.progress,
      signal: state.stopping.signal,
    });
    return printed.trim().split('\n').at(-1);
  } catch (error) {
    if (state.stopping.signal.aborted) throw error;
    return without(state, (error as Error).message);
  }
}

/** Where pip looks, and how it gets out. */
const ofPip = (outer: DeploymentState['outer']) =>
  Object.fromEntries(
    Object.entries(outer).filter(([name, value]) => value && /^(PIP_|https_proxy$)/i.test(name)),
  ) as Record<string, string>;

function without(state: DeploymentState, reason: string): string {
  leaveOut(state);
  state.tell(`${fullTextAlone}: ${reason}`);
  return 'none: full text alone';
}

function leaveOut(state: DeploymentState): void {
  state.environment = withoutEmbedding(state.environment);
}

function withoutEmbedding(environment: Environment): Environment {
  const { embedding: _, ...tiers } = environment.tiers;
  return { ...environment, tiers };
}

/** The same for images: where the weights cannot be had there is none of the embedding. */
export async function withWeights(environment: Environment, tell: (line: string) => void): Promise<Environment> {
  if (!placedServices(environment).includes('embedding')) return environment;
  if (process.env.EMBEDDING_URL) return withoutEmbedding(environment);
  const none = process.env.EMBEDDING_WEIGHTS === 'none';
  const program = `${projectFolder}services/embedding/fetch-weights.ts`;
  const fetched = none ? null : await execa(process.execPath, [program], { reject: false });
  if (fetched?.exitCode === 0) return environment;
  tell(`${fullTextAlone}: ${fetched ? fetched.stderr : 'EMBEDDING_WEIGHTS is none'}`);
  return withoutEmbedding(environment);
}

const fullTextAlone = 'documents are searched by full text alone, there is no embedding';
