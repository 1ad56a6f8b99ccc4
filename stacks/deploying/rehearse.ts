/**
 * `npm run rehearse -- <env>`: an environment applied, planned again, and destroyed, against an emulator of AWS's API at
 * `AWS_ENDPOINT_URL` (moto, for instance), without an account. It finds what synth cannot: values that the provider
 * refuses, orders that do not work, plans that are never empty. It needs a network once, for the provider.
 *
 * What differs from a deployment is written as Terraform override files beside the synthesized configuration:
 * state in a local file, path-style S3, no waiting for tasks and instances, which an emulator does not run, and no
 * comparing of what it forgets ({@link notKept}).
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { resolveEnvironment } from '../../environments/environment.ts';
import { loadEnvironment } from '../../environments/index.ts';
import { hasOwnCluster } from '../../environments/schema/kubernetes.ts';
import { synthesize } from '../synthesize.ts';
import { terraform } from './terraform.ts';

type Json = Record<string, unknown>;

/** What moto 5.2 takes and does not give back (its models of ECS and Auto Scaling): a second plan would never be empty. */
const notKept = {
  aws_ecs_service: [
    'capacity_provider_strategy',
    'health_check_grace_period_seconds',
    'deployment_circuit_breaker',
    'deployment_maximum_percent',
    'deployment_minimum_healthy_percent',
    'enable_ecs_managed_tags',
  ],
  aws_autoscaling_group: ['default_instance_warmup'],
};

/** A synthesized `cdk.tf.json`, as far as an override reads it. */
export interface Synthesized {
  readonly provider?: { readonly aws?: readonly Json[] };
  readonly resource?: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  readonly data?: { readonly terraform_remote_state?: Readonly<Record<string, { config: { key: string } }>> };
}

/** What `rehearse_override.tf.json` says; Terraform lays it over the configuration, attribute by attribute. */
export function override(stack: Synthesized, stateFile: string, otherStateFile: (key: string) => string): Json {
  const each = (type: string, change: Json) => {
    const names = Object.keys(stack.resource?.[type] ?? {});
    return names.length > 0 ? { [type]: Object.fromEntries(names.map((name) => [name, change])) } : {};
  };
  const resource = {
    ...each('aws_ecs_service', {
      wait_for_steady_state: false,
      lifecycle: { ignore_changes: ['desired_count', ...notKept.aws_ecs_service] },
    }),
    ...each('aws_autoscaling_group', {
      wait_for_capacity_timeout: '0',
      lifecycle: { ignore_changes: notKept.aws_autoscaling_group },
    }),
  };
  const remote = Object.entries(stack.data?.terraform_remote_state ?? {});
  return {
    terraform: { backend: { local: { path: stateFile } } },
    provider: {
      aws: (stack.provider?.aws ?? []).map((provider) => ({
        ...provider,
        s3_use_path_style: true,
        skip_credentials_validation: true,
        skip_metadata_api_check: 'true',
      })),
    },
    // Terraform takes no empty block.
    ...(Object.keys(resource).length > 0 ? { resource } : {}),
    ...(remote.length > 0
      ? {
          data: {
            terraform_remote_state: Object.fromEntries(
              remote.map(([name, { config }]) => [
                name,
                { backend: 'local', config: { path: otherStateFile(config.key) } },
              ]),
            ),
          },
        }
      : {}),
  };
}

/** One step in one stack's folder. `exits`: what the exit codes mean. */
export interface Step {
  readonly stack: string;
  readonly args: readonly string[];
  readonly exits: Readonly<Record<number, string>>;
}

/** Everything is applied and planned again before anything is destroyed: what a stack takes from another is then there. */
export function steps(environment: string): { readonly forward: Step[]; readonly back: Step[] } {
  const stacks = [`${environment}-foundation`, `${environment}-service`];
  const failed = { 1: 'failed' };
  return {
    forward: [
      ...stacks.flatMap((stack) => [
        { stack, args: ['init', '-input=false'], exits: failed },
        { stack, args: ['validate'], exits: failed },
        { stack, args: ['apply', '-auto-approve', '-input=false'], exits: failed },
      ]),
      ...stacks.map((stack) => ({
        stack,
        args: ['plan', '-detailed-exitcode', '-input=false'],
        exits: { ...failed, 2: 'is not empty: what was applied is not what is asked for' },
      })),
    ],
    back: stacks
      .toReversed()
      .map((stack) => ({ stack, args: ['destroy', '-auto-approve', '-input=false'], exits: failed })),
  };
}

/** Longer than any step takes against an emulator; what an emulator never answers would otherwise wait for ever. */
const stepTimeoutMs = 10 * 60_000;

/**
 * What terraform says is printed as it comes.
 *
 * @param timeoutMs For each call of terraform. @default 10 minutes
 * @throws Error naming the steps that did not end well; what was applied is destroyed first.
 */
export async function rehearse(
  name: string,
  endpoint: string | undefined,
  print = console.log,
  timeoutMs = stepTimeoutMs,
): Promise<void> {
  if (!endpoint)
    throw new Error(
      'AWS_ENDPOINT_URL is not set, and a rehearsal must not reach a real account: start an emulator, for instance ' +
        'moto_server -p 5000, and set AWS_ENDPOINT_URL=http://127.0.0.1:5000',
    );
  if (hasOwnCluster(resolveEnvironment(await loadEnvironment(name))))
    throw new Error(
      `'${name}' has kubernetes.cluster 'make', and a rehearsal applies ${name}-foundation and ${name}-service alone: ` +
        'the service would read the state of a cluster that is never made; allowed: no kubernetes block, or the name of ' +
        `a cluster that is there. Make a copy with npm run clone -- ${name} <copy>, change that, and rehearse it`,
    );
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-rehearse-'));
  try {
    // The state of a rehearsal must be destroyable.
    await synthesize([name], { outdir: folder }, (environment) => ({
      ...environment,
      aws: { ...environment.aws, ephemeral: true },
    }));
    const { forward, back } = steps(name);
    for (const stack of new Set(forward.map((step) => step.stack))) await writeOverride(folder, stack);
    const failures: string[] = [];
    const ended = async (step: Step): Promise<boolean> => {
      const fault = await run(folder, step, endpoint, print, timeoutMs);
      if (fault !== undefined) failures.push(fault);
      return fault === undefined;
    };
    let applied = false;
    for (const step of forward) {
      applied ||= step.args[0] === 'apply';
      if (!(await ended(step))) break;
    }
    if (applied) for (const step of back) await ended(step);
    if (failures.length > 0)
      throw new Error(`${name}: the rehearsal failed; the lines above say why: ${failures.join('; ')}`);
    print(`${name}: applied, planned again without a change, destroyed`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeOverride(folder: string, stack: string): Promise<void> {
  const at = join(folder, 'stacks', stack);
  const synthesized = JSON.parse(await readFile(join(at, 'cdk.tf.json'), 'utf8')) as Synthesized;
  const stateFile = (id: string) => join(folder, `${id}.tfstate`);
  // Keys are '<environment>/<part>.tfstate', stacks '<environment>-<part>'.
  const other = (key: string) => stateFile(key.replace('/', '-').replace(/\.tfstate$/, ''));
  await writeFile(
    join(at, 'rehearse_override.tf.json'),
    JSON.stringify(override(synthesized, stateFile(stack), other), undefined, 2),
  );
}

/** @returns What went wrong, if something did. */
async function run(
  folder: string,
  step: Step,
  endpoint: string,
  print: (line: string) => void,
  timeoutMs: number,
): Promise<string | undefined> {
  const { stack, args, exits } = step;
  const ended = await terraform({
    folder,
    stack,
    args,
    print,
    timeoutMs,
    env: {
      AWS_ENDPOINT_URL: endpoint,
      // Any words do for an emulator; without them the provider looks for real ones.
      AWS_ACCESS_KEY_ID: 'rehearsal',
      AWS_SECRET_ACCESS_KEY: 'rehearsal',
      // The provider's own 25 attempts wait for minutes where an emulator answers 500 for ever.
      AWS_MAX_ATTEMPTS: '3',
    },
  });
  if (typeof ended === 'string') return ended;
  return ended === 0 ? undefined : `${stack}: terraform ${args[0]} ${exits[ended] ?? `ended with ${ended}`}`;
}

if (import.meta.main) {
  const [name = ''] = new Command('npm run rehearse --').argument('<environment>').parse().args;
  try {
    await rehearse(name, process.env.AWS_ENDPOINT_URL);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
