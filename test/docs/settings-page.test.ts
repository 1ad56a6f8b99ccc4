import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { settingsPage, settingsPath } from './settings-page.ts';

test('docs/settings.md says what services read; else: npm run docs', () => {
  expect(readFileSync(settingsPath, 'utf8')).toBe(settingsPage());
});
