import { expect, test } from '@jest/globals';
import { nameLimits, nameOf } from '../../../environments/wiring/names.ts';

test('joins its parts', () => {
  expect(nameOf('load balancer', 'bulkhead', 'dev', 'public')).toBe('bulkhead-dev-public');
  expect(nameOf('log group', '/bulkhead-dev/api')).toBe('/bulkhead-dev/api');
});

test('a name as long as its kind allows passes, one longer does not', () => {
  for (const [kind, max] of Object.entries(nameLimits)) {
    expect(nameOf(kind as keyof typeof nameLimits, 'a'.repeat(max))).toHaveLength(max);
    expect(() => nameOf(kind as keyof typeof nameLimits, 'a'.repeat(max + 1))).toThrow(
      `has ${max + 1} characters; a ${kind} allows at most ${max}: shorten the environment's name`,
    );
  }
});

test('letters that AWS refuses are refused', () => {
  expect(() => nameOf('S3 bucket', 'Bulkhead')).toThrow(
    "name 'Bulkhead' (S3 bucket): allowed are lower-case letters, digits and hyphens, a letter first",
  );
});
