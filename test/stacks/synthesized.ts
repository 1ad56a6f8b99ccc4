/** Environments as Terraform JSON: what the tests of stacks read. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type TerraformStack } from 'cdktf';
import { placeholderDigest } from '../../constructs/tier/placeholder.ts';
import { type EnvironmentInput, resolveEnvironment } from '../../environments/environment.ts';
import { type ServiceName, serviceNames } from '../../services/manifest.ts';
import { onAws } from '../../stacks/on-aws.ts';
import { addStacks } from '../../stacks/synthesize.ts';

export type Attributes = Record<string, unknown>;
/** Type, then logical id. */
export type Resources = Record<string, Record<string, Attributes>>;

export interface StackJson {
  readonly resource: Resources;
  readonly data: Resources;
  readonly terraform: Attributes;
  readonly provider: { readonly aws: Attributes[] };
  readonly locals?: Attributes;
  readonly output?: Record<string, Attributes>;
  readonly ephemeral?: Resources;
}

export interface Synthesized {
  readonly foundation: StackJson;
  readonly service: StackJson;
  /** Where the environment has a cluster made. */
  readonly cluster?: StackJson;
  /** Where the environment names a cluster. */
  readonly kubernetes?: StackJson;
  /** All of them, as text. */
  readonly text: string;
}

export type Images = Record<ServiceName, string>;
export const placeholders = Object.fromEntries(serviceNames.map((name) => [name, placeholderDigest])) as Images;

/** What policies found in it: `Testing.synth` writes that down and goes on. */
export const faultsOf = (stack: TerraformStack): unknown[] =>
  stack.node
    .findAll()
    .flatMap(({ node }) => node.metadata)
    .filter(({ type }) => type === '@cdktf/error');

/** Synthesizes as the CLI does (`Testing.synth` renders references between stacks wrongly), into a temporary folder. */
export function synthesized(input: EnvironmentInput, images: Images = placeholders): Synthesized {
  const outdir = mkdtempSync(join(tmpdir(), 'bulkhead-synth-'));
  try {
    const app = new App({ outdir });
    const stacks = addStacks(app, onAws(resolveEnvironment(input)), images);
    app.synth();
    const read = (part: string) => readFileSync(join(outdir, 'stacks', `${input.name}-${part}`, 'cdk.tf.json'), 'utf8');
    const texts = Object.fromEntries(Object.keys(stacks).map((part) => [part, read(part)]));
    const parsed = Object.fromEntries(
      Object.entries(texts).map(([part, text]) => [part, withoutMetadata(JSON.parse(text)) as StackJson]),
    );
    return { ...(parsed as unknown as Omit<Synthesized, 'text'>), text: Object.values(texts).join('\n') };
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

/** `type.id` of every resource, sorted: what a reviewer reads as "destroyed" and "created". */
export const addressBook = ({ resource }: StackJson): string[] =>
  Object.entries(resource)
    .flatMap(([type, byId]) => Object.keys(byId).map((id) => `${type}.${id}`))
    .toSorted();

/** Resources of a type; `{}` when there are none. */
export const ofType = ({ resource }: StackJson, type: string): Record<string, Attributes> => resource[type] ?? {};

/** The only resource of a type whose id starts so. */
export function one(stack: StackJson, type: string, start = ''): Attributes {
  const found = Object.entries(ofType(stack, type)).filter(([id]) => id.startsWith(start));
  if (found.length !== 1) throw new Error(`${found.length} resources ${type}.${start}*`);
  return found[0]?.[1] as Attributes;
}

/** cdktf's own remarks (paths, its version) are no part of the configuration. */
function withoutMetadata(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutMetadata);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== '//')
      .map(([key, inner]) => [key, withoutMetadata(inner)]),
  );
}
