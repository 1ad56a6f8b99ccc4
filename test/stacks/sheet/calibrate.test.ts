import { expect, test } from '@jest/globals';
import { calibrate, calibrationText } from '../../../stacks/sheet/calibrate.ts';

test('two calibrations of one machine agree, whatever the length of a part', () => {
  const [one, other] = [calibrate(20), calibrate(40)];
  expect(one).toBeGreaterThan(0);
  // CPU time is counted, but neighbours share caches: this only tells seconds from milliseconds.
  expect(one / other).toBeGreaterThan(0.3);
  expect(one / other).toBeLessThan(3);
});

test('says the factor, or that there is nothing to compare with', () => {
  expect(calibrationText(450, 500, 'A')).toMatch(
    /^A: 450 rounds .* did 500: npm run sheet -- prod --cpu-factor 0\.90$/,
  );
  expect(calibrationText(450, undefined, 'A')).toContain('npm run bench -- constants measures both');
});
