/** Tests that need a part of the machine that it may lack: a browser, a container runtime, a server. */
import { test } from '@jest/globals';

/**
 * `test` when the part is there. Otherwise jest counts the tests as skipped, the reason in their names (closing-line.js
 * prints them); under `CI=true` they fail: CI installs everything, so a lack there is a fault. Decided when the file is
 * loaded, so a test that is skipped starts nothing.
 *
 * @param lacks what is missing and how to get it; null when nothing is
 */
export function testWith(lacks: string | null): typeof test {
  if (lacks === null) return test;
  const inCi = process.env.CI === 'true';
  const fail = () => {
    throw new Error(`cannot run: ${lacks}`);
  };
  const cannot = (name: string) => (inCi ? test(name, fail) : test.skip(`${name} (not run: ${lacks})`, () => {}));
  const each = (table: readonly unknown[]) => (name: string) =>
    inCi ? test.each(table)(name, fail) : test.skip.each(table)(`${name} (not run: ${lacks})`, () => {});
  return Object.assign(cannot, { each }) as unknown as typeof test;
}
