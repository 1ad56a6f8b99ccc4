/** From environments to Terraform's JSON: the stacks of each, and its cost sheet. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { App, type AppConfig } from 'cdktf';
import type { Sheet } from '../environments/capacity/sheet.ts';
import { sheetMarkdown } from '../environments/capacity/sheet.ts';
import { resolveEnvironment } from '../environments/environment.ts';
import { environments, loadEnvironment } from '../environments/index.ts';
import { hasOwnCluster } from '../environments/schema/kubernetes.ts';
import type { AwsEnvironment } from './base-stack.ts';
import { checkedCostSheet, costedEnvironment } from './cost.ts';
import { FoundationStack } from './foundation-stack.ts';
import { type Images, readImages } from './images/digests.ts';
import { ClusterStack } from './kubernetes/cluster-stack.ts';
import { KubernetesStack } from './kubernetes/kubernetes-stack.ts';
import { onAws } from './on-aws.ts';
import { ServiceStack } from './service-stack.ts';
import { sheetOf } from './sheet/sheet-of.ts';

export interface Stacks {
  readonly foundation: FoundationStack;
  /** Where the environment has a cluster made. */
  readonly cluster?: ClusterStack;
  readonly service: ServiceStack;
  /** Where the environment names a cluster. */
  readonly kubernetes?: KubernetesStack;
}

/** The stacks of one environment. */
export function addStacks(app: App, environment: AwsEnvironment, images: Images): Stacks {
  const foundation = new FoundationStack(app, environment);
  const { kubernetes } = environment;
  const cluster = hasOwnCluster(environment)
    ? new ClusterStack(app, environment, foundation, environment.kubernetes)
    : undefined;
  const stack = kubernetes && new KubernetesStack(app, environment, kubernetes);
  const service = new ServiceStack(app, environment, foundation, images, stack, cluster);
  cluster?.addDependency(foundation);
  service.addDependency(foundation);
  if (cluster) service.addDependency(cluster);
  stack?.addDependency(service);
  return { foundation, ...(cluster && { cluster }), service, ...(stack && { kubernetes: stack }) };
}

export interface Written {
  /** One cost sheet for each environment that was written. */
  readonly sheets: string[];
  /** What is wrong with the others, of which nothing is written. */
  readonly faults: string[];
  /** Whose prices are in the sheets. */
  readonly regions: ReadonlySet<string>;
}

/**
 * Writes the Terraform configuration of the named environments to `cdktf.out/`, and beside each service stack what the
 * environment carries and costs, as `sheet.md`. Without a name all of them: one that is broken does not stop the others.
 *
 * @param change Made to each environment first. @default none
 * @throws Error when a named environment is broken.
 */
export async function synthesize(
  names: readonly string[],
  config: AppConfig = {},
  change: (environment: AwsEnvironment) => AwsEnvironment = (environment) => environment,
): Promise<Written> {
  const app = new App(config);
  const sheets: string[] = [];
  const faults: string[] = [];
  const regions = new Set<string>();
  const pages: { readonly stack: string; readonly text: string }[] = [];
  for (const name of names.length > 0 ? names : Object.keys(environments))
    try {
      const environment = change(onAws(resolveEnvironment(await loadEnvironment(name))));
      const stacks = addStacks(app, environment, readImages(name));
      const costed = costedEnvironment(environment, Object.values(stacks));
      const cost = checkedCostSheet(environment, Object.values(stacks), costed);
      pages.push({ stack: stacks.service.node.id, text: sheetPage(sheetOf(name, { environment, costed }), cost) });
      sheets.push(cost);
      regions.add(environment.aws.region);
    } catch (error) {
      if (names.length > 0) throw error;
      faults.push(error instanceof Error ? error.message : String(error));
      for (const { id } of app.node.children.map(({ node }) => node))
        if (id.startsWith(`${name}-`)) app.node.tryRemoveChild(id);
    }
  app.synth();
  for (const { stack, text } of pages) await writeFile(join(app.outdir, 'stacks', stack, 'sheet.md'), text);
  return { sheets, faults, regions };
}

const sheetPage = (sheet: Sheet, cost: string): string =>
  `# What ${sheet.name} carries and costs\n\n${sheetMarkdown([sheet])}\n\n\`\`\`\n${cost}\n\`\`\`\n`;
