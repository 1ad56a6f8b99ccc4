import { type Setting, type SettingName, settings } from '../../services/manifest.ts';

/**
 * What stands in a container's environment in plain text: settings of the manifest, flags and authorities of its runtime,
 * the SDK's region.
 */
export type PlainSettings = Partial<
  Record<SettingName | 'NODE_OPTIONS' | 'NODE_EXTRA_CA_CERTS' | 'AWS_REGION', string>
>;

/**
 * A tier's environment, sorted by name so that the order of a source file changes nothing in a plan.
 *
 * @throws Error when a secret is among them: they are handed on by reference.
 */
export function plainSettings(given: PlainSettings): [name: string, value: string][] {
  const entries = Object.entries(given).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const known: Readonly<Record<string, Setting>> = settings;
  const secret = entries.find(([name]) => known[name]?.secret);
  if (secret)
    throw new Error(
      `setting ${secret[0]} is a secret and was given in plain text; allowed: a reference, through the tier's secrets`,
    );
  return entries;
}
