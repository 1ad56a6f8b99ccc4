/** Tests that need a part of the machine that it may lack: a browser, a container runtime, a server. */
import { test } from '@jest/globals';

/**
 * `test` when the part is there. Otherwise the tests do not run and say why, except under `CI=true`, where they fail:
 * CI installs everything, so a lack there is a fault.
 *
 * @param lacks what is missing and how to get it; null when nothing is
 */
export function testWith(lacks: string | null): typeof test {
  if (lacks === null) return test;
  const say = (name: string) => {
    if (process.env.CI === 'true') throw new Error(`${name} cannot run: ${lacks}`);
    console.warn(`not run: ${name}: ${lacks}`);
  };
  return ((name: string) => test(name, () => say(name))) as unknown as typeof test;
}
