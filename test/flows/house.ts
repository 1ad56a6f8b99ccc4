/** The real processes for a flow: a house of its own in a temporary folder, and a signed-in owner. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type House, startHouse } from '../../local/deployment.ts';
import { programs } from '../../local/tiers.ts';
import { Client } from './client.ts';

export type HouseOptions = Omit<Parameters<typeof startHouse>[0], 'data' | 'port'>;

export interface Flow {
  readonly house: House;
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

/** The page is built in the browser's flow only: two builds at once would write the same folder. */
const { buildPage: _buildPage, ...withoutPage } = programs;

export async function openFlow(options: HouseOptions = {}): Promise<Flow> {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-flow-'));
  return openIn(folder, options);
}

async function openIn(folder: string, options: HouseOptions): Promise<Flow> {
  const house = await startHouse({ programs: withoutPage, outer: {}, ...options, data: join(folder, 'data'), port: 0 });
  const owner = new Client(house.url);
  await owner.signInByLink(house.ownerToken as string);
  return {
    house,
    owner,
    folder,
    restart: async () => {
      await house.stop();
      return openIn(folder, options);
    },
    close: async () => {
      await house.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
