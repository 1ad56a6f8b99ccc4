import { type Setting, type SettingName, settings } from '../services/manifest.ts';

/**
 * A tier's environment, sorted by name so that the order of a source file changes nothing in a plan.
 *
 * @throws Error when a secret is among them: they are handed on by reference.
 */
export function plainSettings(given: Partial<Record<SettingName, string>>): [SettingName, string][] {
  const entries = (Object.entries(given) as [SettingName, string][]).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const secret = entries.find(([name]) => (settings[name] as Setting).secret);
  if (secret)
    throw new Error(
      `setting ${secret[0]} is a secret and was given in plain text; allowed: a reference, through the tier's secrets`,
    );
  return entries;
}
