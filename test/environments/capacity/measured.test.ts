/** Tests compute with the constants beside this file (jest.config.js); here the measured ones are looked at themselves. */
import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { type Constants, measuredConstants } from '../../../environments/capacity/model.ts';
import { checkPromise } from '../../../environments/capacity/promise.ts';
import { resolveEnvironment } from '../../../environments/environment.ts';
import { environments } from '../../../environments/index.ts';

const measured = JSON.parse(
  await readFile(new URL('../../../environments/capacity/measured.json', import.meta.url), 'utf8'),
);
const constants: Constants = measured.constants;

test('each constant that tests compute with was measured, with its unit and how; none is zero', () => {
  expect(Object.keys(constants).toSorted()).toEqual(Object.keys(measuredConstants).toSorted());
  for (const constant of Object.values(measured.constants))
    expect(constant).toEqual({ value: expect.any(Number), unit: expect.any(String), how: expect.any(String) });
  // Of error lines there may be none.
  const { errorLinesPerMinute: _, ...others } = constants;
  for (const { value } of Object.values(others)) expect(value).toBeGreaterThan(0);
  // What CPU that was, and how fast: a service compares its own with it.
  expect(measured).toMatchObject({
    cpu: expect.any(String),
    measured: expect.any(String),
    calibration: expect.any(Number),
  });
});

test.each(Object.keys(environments))('%s keeps its promise with them', async (name) => {
  const environment = resolveEnvironment(await (environments[name] as NonNullable<(typeof environments)[string]>)());
  expect(() => checkPromise(environment, constants)).not.toThrow();
});
