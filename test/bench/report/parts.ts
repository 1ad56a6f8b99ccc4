/** A bench that takes long is run in parts: an environment variable names them, separated by commas. */

/** @throws Error naming what was given and what is allowed */
export function partsOf<Part extends string>(variable: string, all: readonly Part[]): readonly Part[] {
  const given = process.env[variable]?.split(',') ?? all;
  const unknown = given.filter((part) => !(all as readonly string[]).includes(part));
  if (unknown.length > 0) throw new Error(`given ${variable}=${given.join(',')}; allowed: some of ${all.join(',')}`);
  return all.filter((part) => (given as readonly string[]).includes(part));
}
