/**
 * What a tier named `echo` leaves behind everywhere an environment becomes something, as JSON. Run in a copy of the tree
 * whose manifest has one more entry (new-tier.test.ts).
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'cdktf';
import { placeholderDigest } from '../../constructs/tier/placeholder.ts';
import { resolveEnvironment } from '../../environments/environment.ts';
import { local } from '../../environments/local.ts';
import { composeOf } from '../../local/containers/compose.ts';
import { composeSecrets } from '../../local/containers/files.ts';
import { allocatePorts, settingsOf } from '../../local/start-tier.ts';
import { newState } from '../../local/state.ts';
import { programs } from '../../local/tiers.ts';
import { serviceNames } from '../../services/manifest.ts';
import { readSettings } from '../../services/shared/env.ts';
import { checkedCostSheet } from '../../stacks/cost.ts';
import { onAws } from '../../stacks/on-aws.ts';
import { addStacks } from '../../stacks/synthesize.ts';
import { sample } from '../environments/sample.ts';

export interface TierReport {
  /** Lines of the synthesized stacks that name it. */
  readonly stackLines: readonly string[];
  readonly costLines: readonly string[];
  readonly composeServices: readonly string[];
  readonly composeUrl: string | undefined;
  readonly composeNetworks: readonly string[];
  readonly localTiers: readonly string[];
  readonly localUrl: string | undefined;
  /** What chat reads when it is started with that. */
  readonly read: unknown;
}

const placement = (platform: 'local' | 'vm' | 'ecs') => ({ platform, vcpu: 0.25, memoryMiB: 512 });
const tiers = (placements: unknown) => (placements ? { echo: placements } : {}) as object;

async function report(placed: boolean): Promise<TierReport> {
  const onEcs = onAws(resolveEnvironment(sample({ tiers: tiers(placed && placement('ecs')) as never })));
  const outdir = mkdtempSync(join(tmpdir(), 'bulkhead-tier-'));
  const app = new App({ outdir });
  const images = Object.fromEntries(serviceNames.map((name) => [name, placeholderDigest])) as never;
  const { foundation, service } = addStacks(app, onEcs, images);
  const sheet = checkedCostSheet(onEcs, [foundation, service]);
  app.synth();
  const text = ['foundation', 'service'].map((part) =>
    readFileSync(join(outdir, 'stacks', `test-${part}`, 'cdk.tf.json'), 'utf8'),
  );
  rmSync(outdir, { recursive: true });

  const here = resolveEnvironment({ ...local, tiers: { ...local.tiers, ...tiers(placed && placement('local')) } });
  const compose = composeOf(here);
  const state = newState({
    ...{ data: tmpdir(), port: 0, redis: 'auto', environment: here, settings: {}, outer: {}, programs },
    tell: () => {},
  });
  await allocatePorts(state);
  const [chat] = state.replicas.get('chat') ?? [];
  if (!chat) throw new Error('no chat');
  const given = settingsOf(state, 'chat', chat) as Record<string, string>;
  const secrets = { ...composeSecrets(), DATABASE_URL: 'postgres://x', REDIS_URL: 'redis://x', PUBLIC_URL: 'http://x' };
  const read = readSettings('chat', { SERVICE_TOKEN_PRIVATE_KEY: 'x', ...secrets, ...given });
  return {
    stackLines: text.flatMap((one) => one.split('\n')).filter((line) => line.toLowerCase().includes('echo')),
    costLines: sheet.split('\n').filter((line) => line.includes('echo')),
    composeServices: Object.keys(compose.services),
    composeUrl: compose.services.chat?.environment.ECHO_URL,
    composeNetworks: Object.keys(compose.networks).filter((name) => name.includes('echo')),
    localTiers: [...state.replicas.keys()],
    localUrl: given.ECHO_URL,
    read: (read as Record<string, unknown>).ECHO_URL,
  };
}

console.log(JSON.stringify({ absent: await report(false), placed: await report(true) }));
