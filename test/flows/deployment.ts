/** The real processes for a flow: a deployment of its own in a temporary folder, and a signed-in owner. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalDeployment, startDeployment } from '../../local/deployment.ts';
import { programs } from '../../local/tiers.ts';
import { Client } from './client.ts';

export type LocalDeploymentOptions = Omit<Parameters<typeof startDeployment>[0], 'data' | 'port'>;

export interface Flow {
  readonly deployment: LocalDeployment;
  readonly owner: Client;
  /** Temporary folder: the data folder is `data` in it. */
  readonly folder: string;
  /** Stops everything and starts it again on the same data; `owner` is signed in anew. */
  restart(): Promise<Flow>;
  /** Stops everything and removes the folder. */
  close(): Promise<void>;
}

/** Starting takes seconds, on a busy machine many. */
export const startTimeoutMs = 300_000;

/** The weights are fetched in the embedding's flow only. The page is built by whichever flow comes first. */
const { fetchWeights: _fetchWeights, ...fewer } = programs;

export async function openFlow(options: LocalDeploymentOptions = {}): Promise<Flow> {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-flow-'));
  return openIn(folder, options);
}

async function openIn(folder: string, options: LocalDeploymentOptions): Promise<Flow> {
  const deployment = await startDeployment({
    programs: fewer,
    outer: {},
    ...options,
    data: join(folder, 'data'),
    port: 0,
  });
  const owner = new Client(deployment.url);
  await owner.signInByLink(deployment.ownerToken as string);
  return {
    deployment,
    owner,
    folder,
    restart: async () => {
      await deployment.stop();
      return openIn(folder, options);
    },
    close: async () => {
      await deployment.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
