import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { constructsPage, pagePath } from './constructs-page.ts';

test('docs/constructs.md says what the sources say; else: npm run docs', () => {
  expect(readFileSync(pagePath, 'utf8')).toBe(constructsPage());
});
