/**
 * `npm run rotate -- <env> <secret> [cdktf options]`: a new value for one secret, in the one order that loses nothing: the
 * foundation writes it together with what accepts it, then the tiers that read it are rolled out. What is wanted is
 * written down first, so that a deploy goes on where this one broke off.
 */
import { App } from 'cdktf';
import { Argument, Command } from 'commander';
import { placedDefinitions, resolveEnvironment } from '../../environments/environment.ts';
import { loadEnvironment } from '../../environments/index.ts';
import {
  type RotatedSecret,
  readsSecret,
  rotatedSecrets,
  rotations,
} from '../../environments/schema/secret-versions.ts';
import type { ServiceName } from '../../services/manifest.ts';
import { readImages } from '../images/digests.ts';
import { onAws } from '../on-aws.ts';
import { stackParts } from '../parts.ts';
import { addStacks } from '../synthesize.ts';
import { act, refuseUnfinished } from './deploy.ts';
import { writeSecretVersions } from './secret-versions.ts';

async function rotate(name: string, secret: RotatedSecret, options: readonly string[]): Promise<void> {
  const environment = onAws(resolveEnvironment(await loadEnvironment(name)));
  const { foundation } = addStacks(new App(), environment, readImages(name));
  const readers = Object.entries(placedDefinitions(environment))
    .filter(
      ([tier, definition]) => readsSecret(definition, secret) && secret in foundation.secrets(tier as ServiceName),
    )
    .map(([tier]) => tier);
  if (readers.length === 0) throw new Error(`'${name}' has no secret ${secret}: nothing to rotate`);
  refuseUnfinished(environment, readImages(name), stackParts(environment));
  const versions = { ...environment.aws.secretVersions };
  versions[secret] = (versions[secret] ?? 1) + 1;
  writeSecretVersions(name, versions);
  console.log(
    `${secret} of ${name}, version ${versions[secret]}: ${rotations[secret].effect}.\n` +
      `New replicas of ${readers.join(', ')}. Commit environments/secrets.${name}.json.`,
  );
  try {
    await act('deploy', name, options);
  } catch (error) {
    throw new Error(
      `${error instanceof Error ? error.message : error}\n` +
        `Version ${versions[secret]} stays written down: npm run deploy -- ${name} goes on with it; do not rotate again.`,
    );
  }
}

if (import.meta.main) {
  try {
    await new Command('npm run rotate --')
      .argument('<environment>')
      .addArgument(new Argument('<secret>').choices(rotatedSecrets))
      .argument('[options...]', "options of cdktf's command")
      .allowUnknownOption()
      .passThroughOptions()
      .action(rotate)
      .parseAsync();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
