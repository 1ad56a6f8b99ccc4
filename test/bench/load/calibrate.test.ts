import { expect, test } from '@jest/globals';
import { cpuSpeed, roundsPerSecond } from '../../../services/api/operations/cpu-speed.ts';
import { eventually } from '../../containers/podman.ts';
import { calibrationText, meanRounds, withRounds } from './calibrate.ts';

test('two calibrations of one machine agree, whatever the length of a part', async () => {
  // Neighbours share caches, and may take the CPU for most of a part: then it is measured once more.
  await eventually(async () => {
    const one = await roundsPerSecond(20);
    const other = await roundsPerSecond(40);
    expect(one).toBeGreaterThan(0);
    // This only tells seconds from milliseconds.
    expect(one / other).toBeGreaterThan(0.3);
    expect(one / other).toBeLessThan(3);
  }, 20_000);
}, 60_000);

test('who else waits in the process has a turn between the parts', async () => {
  let turns = 0;
  const each = setInterval(() => {
    turns += 1;
  }, 1);
  await roundsPerSecond(5);
  clearInterval(each);
  expect(turns).toBeGreaterThanOrEqual(5);
});

test('seconds count by how busy the machine was in them', () => {
  // By hand: 1,800 ms busy at 400 and 200 ms at 300.
  const seconds = [
    { rounds: 400, busy: 1800 },
    { rounds: 300, busy: 200 },
    { rounds: 900, busy: 0 },
  ];
  expect(meanRounds(seconds)).toBeCloseTo(390, 9);
});

test('rounds are counted while something else is measured; a fault of that is its own', async () => {
  const { result, rounds } = await withRounds(async () => 'measured');
  expect(result).toBe('measured');
  expect(rounds).toBeGreaterThan(0);
  await expect(withRounds(() => Promise.reject(new Error('no container')))).rejects.toThrow('no container');
}, 60_000);

test('says the factor, or that there is nothing to compare with', () => {
  expect(calibrationText(450, 500, 'A')).toMatch(
    /^A: 450 rounds .* did 500: npm run sheet -- prod --cpu-factor 0\.90$/,
  );
  expect(calibrationText(450, undefined, 'A')).toContain('npm run bench -- constants measures both');
});

test('a service knows its factor where the CPU of the predictions was counted, by hand: 450 of 500', () => {
  const predicted = { cpu_rounds_per_second: 500 } as never;
  expect(cpuSpeed(450, 'A', predicted)).toEqual({ model: 'A', rounds_per_second: 450, factor: 0.9 });
  expect(cpuSpeed(450, 'A', { cpu_rounds_per_second: null } as never).factor).toBeNull();
  expect(cpuSpeed(450, 'A', null).factor).toBeNull();
});
