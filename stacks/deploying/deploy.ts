/**
 * `npm run diff|deploy|destroy -- <env>|<env>-<part> [cdktf options]`: the cdktf CLI over the stacks of one environment
 * in the right order, or over one of them. Nothing of other environments is read: a fault there stops nothing here.
 */
import { Argument, Command } from 'commander';
import { ExecaError, execa } from 'execa';
import { placeholderAmi, placeholderDigest } from '../../constructs/tier/placeholder.ts';
import { placedServices, resolveEnvironment } from '../../environments/environment.ts';
import { environments, loadEnvironment } from '../../environments/index.ts';
import { isReservedHost } from '../../environments/schema/reserved-host.ts';
import { type AwsEnvironment, onInstances } from '../base-stack.ts';
import { type Images, readImages } from '../images/digests.ts';
import { onAws } from '../on-aws.ts';
import { stackParts } from '../parts.ts';

export const actions = ['diff', 'deploy', 'destroy'] as const;
export type Action = (typeof actions)[number];

/**
 * What the CLI is called with, one call after the other. A diff shows one stack at a time; deploy and destroy know the
 * stacks' order themselves.
 */
export function cdktfCalls(
  action: Action,
  name: string,
  options: readonly string[],
  parts: readonly string[],
): string[][] {
  const app = ['--app', `node --no-experimental-detect-module stacks/main.ts ${name}`];
  const stacks = parts.map((part) => `${name}-${part}`);
  if (action === 'diff') return stacks.map((stack) => ['diff', stack, ...app, ...options]);
  // The CLI deploys a stack without those that it builds on only when told to; what it takes from them is in their state.
  const alone = action === 'deploy' && parts.length === 1 ? ['--ignore-missing-stack-dependencies'] : [];
  return [[action, ...stacks, ...app, ...alone, ...options]];
}

/** @throws Error listing every placeholder: what is missing and how to get it. Terraform would refuse them too, later. */
export function refuseUnfinished(environment: AwsEnvironment, images: Images, parts: readonly string[]): void {
  const { name, aws } = environment;
  // The foundation holds the repositories that images are pushed to.
  const service = parts.includes('service');
  const missing = service ? placedServices(environment).filter((one) => images[one] === placeholderDigest) : [];
  const usesAmi = aws.nat === 'instance' || (service && onInstances(environment));
  const faults = [
    ...(missing.length > 0
      ? [`no image has been pushed for ${missing.join(', ')}: run npm run images -- --push ${name}`]
      : []),
    ...(usesAmi && aws.ami === placeholderAmi
      ? [`aws.ami is still a placeholder: docs/operating.md, 'Choose an AMI', has the command that finds one`]
      : []),
    ...(isReservedHost(aws.publicHost)
      ? [`aws.publicHost '${aws.publicHost}' belongs to nobody: set a host of yours`]
      : []),
  ];
  if (faults.length > 0) throw new Error(`'${name}' cannot be deployed yet:\n- ${faults.join('\n- ')}`);
}

/** Said before the apply that waits for a record, since outputs come after it; undefined where the zone is ours. */
export function recordToSet({ name, aws }: AwsEnvironment, parts: readonly string[]): string | undefined {
  if (!parts.includes('foundation') || aws.hostedZoneId || aws.certificateArn) return undefined;
  const { region, publicHost } = aws;
  const arn = `aws acm list-certificates --region ${region} --output text --query "CertificateSummaryList[?DomainName=='${publicHost}'].CertificateArn | [0]"`;
  return (
    `${name}-foundation waits, the first time for up to an hour, for the DNS record that proves ${publicHost}. A minute after it began, this shows it:\n` +
    `aws acm describe-certificate --region ${region} --certificate-arn "$(${arn})" --query 'Certificate.DomainValidationOptions[].ResourceRecord'`
  );
}

/** `dev`, or one stack of it: `dev-foundation`. */
function environmentAndPart(given: string): { readonly name: string; readonly part?: string } {
  const name = Object.keys(environments).find((one) => given.startsWith(`${one}-`));
  return given in environments || name === undefined ? { name: given } : { name, part: given.slice(name.length + 1) };
}

/** Does the action to an environment or one of its stacks. */
export async function act(action: Action, given: string, options: readonly string[]): Promise<void> {
  const { name, part } = environmentAndPart(given);
  const environment = onAws(resolveEnvironment(await loadEnvironment(name)));
  const all = stackParts(environment);
  if (part !== undefined && !all.includes(part))
    throw new Error(`'${name}' has no stack '${part}'; allowed: ${all.map((one) => `${name}-${one}`).join(', ')}`);
  const parts = part === undefined ? all : [part];
  if (action === 'deploy') {
    refuseUnfinished(environment, readImages(name), parts);
    const record = recordToSet(environment, parts);
    if (record) console.log(record);
  }
  for (const call of cdktfCalls(action, name, options, parts)) await cdktf(action, given, call);
}

async function cdktf(action: Action, given: string, call: readonly string[]): Promise<void> {
  try {
    await execa('cdktf', call, { preferLocal: true, stdio: 'inherit' });
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    const kept = action === 'diff' ? '' : ' What was done stays done, what comes after it was not begun.';
    throw new Error(
      `${action} of ${given} stopped; the lines above say which stack and why.${kept} Mend it and run npm run ${action} -- ${given} again.`,
    );
  }
}

if (import.meta.main) {
  try {
    await new Command('npm run')
      .addArgument(new Argument('<action>').choices(actions))
      .argument('<environment>', 'or one of its stacks, as in dev-foundation')
      .argument('[options...]', "options of cdktf's command, after --")
      .allowUnknownOption()
      .passThroughOptions()
      .action(act)
      .parseAsync();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
