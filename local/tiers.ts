/** What each tier is started with: its command and exactly the settings that the manifest lists for it. */
import { existsSync } from 'node:fs';
import type { Environment, Placement } from '../environments/environment.ts';
import { serviceSettings } from '../environments/wiring/settings.ts';
import { definitionOf, type ServiceName, type SettingName, settings } from '../services/manifest.ts';
import { settingGroups } from '../services/settings.ts';
import { projectFolder } from '../stacks/images/run.ts';
import type { ChildCommand } from './processes/child.ts';

export type Settings = Partial<Record<SettingName, string>>;
export type Overrides = Partial<Record<ServiceName, Settings>>;

/** The programs of a deployment: a script and its arguments. Tests put stand-ins here; one that is absent is left out. */
export interface Programs {
  readonly tier: (name: ServiceName) => readonly [script: string, ...args: string[]];
  /** Brings the database to the present schema; exit code 0 means done. */
  readonly migrate?: readonly [script: string, ...args: string[]];
  /** Fetches the weights of the embedding into a folder unless they are there. */
  readonly fetchWeights?: readonly [script: string, ...args: string[]];
  /** Builds the web page unless it is up to date. */
  readonly buildPage?: readonly [script: string, ...args: string[]];
  /** Makes the owner's one-time link; prints a JSON line `{ "token": "..." }`. */
  readonly ownerLink?: readonly [script: string, ...args: string[]];
}

export const programs: Programs = {
  tier: (name) => [`${projectFolder}services/${name}/main.ts`],
  migrate: [`${projectFolder}services/api/main.ts`, 'migrate'],
  fetchWeights: [`${projectFolder}services/embedding/fetch-weights.ts`],
  buildPage: [`${projectFolder}services/web/build.ts`],
  ownerLink: [`${projectFolder}services/api/main.ts`, 'owner-link'],
};

/** Tiers of these whose program is not there. */
export function missingPrograms({ tier }: Programs, names: readonly ServiceName[]): ServiceName[] {
  return names.filter((name) => !existsSync(tier(name)[0]));
}

/** Settings of the outer environment that pass through to the services that take them; they beat the environment file. */
export const passed = [
  'LOG_LEVEL',
  // s3://bucket/prefix: documents and vectors on S3 instead of the data folder.
  'DOCUMENT_STORE_URL',
  // An address goes with all that bounds and prices its calls.
  ...settingGroups.modelNames,
  ...settingGroups.models,
  ...settingGroups.limitsPerDay,
  ...settingGroups.parser,
  ...settingGroups.embedding,
  ...settingGroups.previousEmbedding,
  'OIDC_ISSUER',
  'OIDC_CLIENT_ID',
  'OIDC_CLIENT_SECRET',
  'OIDC_UNVERIFIED_EMAIL_ISSUER',
  'SMTP_URL',
  'MAIL_FROM',
  ...settingGroups.webhooks,
] as const satisfies SettingName[];

export interface TierSettings {
  readonly environment: Environment;
  readonly name: ServiceName;
  readonly placement: Placement;
  /** Addresses and secrets that only this run knows. */
  readonly run: Settings;
  /** The outer environment. */
  readonly outer: Readonly<Record<string, string | undefined>>;
  /** @throws Error for a setting that the manifest does not list for the service */
  readonly overrides?: Settings;
}

/** Later wins: environment file, this run, outer environment, overrides. Pure. */
export function tierSettings({ environment, name, placement, run, outer, overrides = {} }: TierSettings): Settings {
  const taken = definitionOf(name).settings;
  const foreign = Object.keys(overrides).filter((key) => !taken.includes(key as SettingName));
  if (foreign.length > 0)
    throw new Error(
      `${name} does not read ${foreign.join(', ')}; it reads: ${taken.filter((key) => key in settings).join(', ')}`,
    );
  const fromOuter = Object.fromEntries(passed.filter((key) => outer[key]).map((key) => [key, outer[key]]));
  const all: Settings = { ...serviceSettings(environment, name, placement), ...run, ...fromOuter, ...overrides };
  return Object.fromEntries(Object.entries(all).filter(([key]) => taken.includes(key as SettingName)));
}

/** Never read by a service, but needed by any process: where programs and temporary files lie, and the clock's zone. */
const system = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'NODE_EXTRA_CA_CERTS'] as const;

const exitWithParent = new URL('./processes/exit-with-parent.ts', import.meta.url).href;

/** Compiled code of services, which takes a third off the CPU of their next start; it goes with the packages. */
const compileCache = `${projectFolder}node_modules/.cache/node-compile-cache`;

/** What the AWS SDK reads; only for services whose documents are on S3. */
const aws = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_REGION',
  'AWS_ENDPOINT_URL',
  'AWS_CA_BUNDLE',
] as const;

/** A Node process of a service: an otherwise empty environment, and Node's own flags, such as its heap. */
export function serviceCommand(
  [script, ...args]: readonly [string, ...string[]],
  given: Settings,
  flags: readonly string[],
  outer: Readonly<Record<string, string | undefined>>,
): ChildCommand {
  const names = given.DOCUMENT_STORE_URL?.startsWith('s3:') ? [...system, ...aws] : system;
  const base = Object.fromEntries(names.filter((key) => outer[key]).map((key) => [key, outer[key] as string]));
  return {
    command: process.execPath,
    args: ['--import', exitWithParent, ...flags, script, ...args],
    env: {
      ...base,
      ...given,
      NODE_COMPILE_CACHE: compileCache,
      NODE_ENV: 'production',
      NO_COLOR: '1',
      LIFELINE_OF: String(process.pid),
    },
    cwd: projectFolder,
  };
}
