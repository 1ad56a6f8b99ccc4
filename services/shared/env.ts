/** Settings of a process: environment variables, read once against the manifest. */
import { migration, type Setting, type SettingName, services, settings } from '../manifest.ts';

type ValueOf<Name extends SettingName> = (typeof settings)[Name]['type'] extends 'integer' ? number : string;
export type SettingsOf<Name extends keyof typeof services> = {
  readonly [Key in (typeof services)[Name]['settings'][number]]: ValueOf<Key>;
};

/**
 * The settings of one service, typed as the manifest declares them.
 *
 * @throws Error naming every missing or malformed variable at once.
 */
export function readSettings<Name extends keyof typeof services>(
  service: Name,
  env: Readonly<Record<string, string | undefined>> = process.env,
): SettingsOf<Name> {
  return read(`service '${service}'`, services[service].settings, env) as SettingsOf<Name>;
}

/** The settings of the init step. @throws Error as {@link readSettings} does */
export function readMigrationSettings(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Readonly<Record<(typeof migration)['settings'][number], string>> {
  return read('the migration', migration.settings, env) as ReturnType<typeof readMigrationSettings>;
}

function read(
  who: string,
  names: readonly SettingName[],
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string | number> {
  const faults: string[] = [];
  const values = Object.fromEntries(
    names.map((name) => {
      const setting: Setting = settings[name];
      const given = env[name] || setting.default;
      if (given === undefined) faults.push(`${name} is missing: ${setting.what}`);
      else if (setting.type === 'integer' && !/^\d{1,15}$/.test(given))
        faults.push(`${name} is '${given}', allowed is a whole number: ${setting.what}`);
      else if (setting.type === 'url' && given !== '' && !URL.canParse(given))
        faults.push(`${name} is ${setting.secret ? 'malformed' : `'${given}'`}, allowed is a URL: ${setting.what}`);
      return [name, setting.type === 'integer' ? Number(given) : (given ?? '')];
    }),
  );
  if (faults.length > 0) throw new Error(`${who} cannot start:\n- ${faults.join('\n- ')}`);
  return values;
}
