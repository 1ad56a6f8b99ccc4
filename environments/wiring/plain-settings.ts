import { type Setting, settings } from '../../services/settings.ts';

/** What stands in a container's environment in plain text: settings, flags and authorities of its runtime, a region. */
export type PlainSettings = Readonly<Record<string, string>>;

/**
 * A tier's environment, without its secrets, sorted by name so that the order of a source file changes nothing in a plan.
 *
 * @throws Error when a secret is among them: they are handed on by reference.
 */
export function plainSettings(given: PlainSettings, secrets: Readonly<Record<string, string>>): [string, string][] {
  const entries = Object.entries(given).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const known: Readonly<Record<string, Setting>> = settings;
  const secret = entries.find(([name]) => known[name]?.secret || name in secrets);
  if (secret)
    throw new Error(
      `setting ${secret[0]} is a secret and was given in plain text; allowed: a reference, through the tier's secrets`,
    );
  return entries;
}
