/**
 * Synthesizes environments: `node stacks/main.ts [environment...]`, all of them without a name. The cdktf CLI runs this
 * file (cdktf.json); what it writes lies in `cdktf.out/`.
 */
import { App } from 'cdktf';
import type { AwsEnvironment } from './base-stack.ts';
import { checkedCostSheet } from './cost.ts';
import { resolveEnvironment } from './environment.ts';
import { environments, loadEnvironment } from './environments/index.ts';
import { FoundationStack } from './foundation-stack.ts';
import { type Images, readImages } from './images.ts';
import { ServiceStack } from './service-stack.ts';

export interface Stacks {
  readonly foundation: FoundationStack;
  readonly service: ServiceStack;
}

/** Both stacks of one environment. */
export function addStacks(app: App, environment: AwsEnvironment, images: Images): Stacks {
  const foundation = new FoundationStack(app, environment);
  const service = new ServiceStack(app, environment, foundation, images);
  service.addDependency(foundation);
  return { foundation, service };
}

async function main(names: readonly string[]): Promise<void> {
  const app = new App();
  for (const name of names.length > 0 ? names : Object.keys(environments)) {
    const environment = resolveEnvironment(await loadEnvironment(name));
    if (!environment.aws) throw new Error(`environment '${name}' has target '${environment.target}'; allowed: 'aws'`);
    const onAws = { ...environment, aws: environment.aws };
    const { foundation, service } = addStacks(app, onAws, readImages(name));
    console.log(`${checkedCostSheet(onAws, [foundation, service])}\n`);
  }
  app.synth();
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
