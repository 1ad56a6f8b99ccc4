import { expect, test } from '@jest/globals';
import { preferences } from '../../../services/web/preferences.ts';
import { checkSizes, sizesMax } from '../../../services/web/sizes.ts';

test.each([
  ['', '', { theme: null, language: 'en' }],
  ['', 'ko-KR,ko;q=0.9,en-US;q=0.8', { theme: null, language: 'ko' }],
  ['', 'en;q=0.4, ko;q=0.6', { theme: null, language: 'ko' }],
  ['', 'ko;q=0, en', { theme: null, language: 'en' }],
  ['', 'de, fr', { theme: null, language: 'en' }],
  ['a=1; theme=light; language=en', 'ko', { theme: 'light', language: 'en' }],
  ['theme=blue; xtheme=dark', '', { theme: null, language: 'en' }],
] as const)('cookie %j and Accept-Language %j', (cookie, accept, expected) => {
  expect(preferences(cookie, accept)).toEqual(expected);
});

const manifest = {
  'index.html': { file: 'assets/main.js', isEntry: true, imports: ['_shared.js'], css: ['assets/main.css'] },
  '_shared.js': { file: 'assets/shared.js', imports: ['_shared.js'] },
  'lazy.tsx': { file: 'assets/lazy.js' },
};

test('the first load is the entry with what it imports at once', () => {
  const bytes: Record<string, number> = { 'assets/main.js': 1000, 'assets/shared.js': 200, 'assets/main.css': 50 };
  expect(checkSizes(manifest, (file) => bytes[file] ?? 1_000_000)).toEqual({ script: 1200, style: 50 });
});

test('a first load beyond its goal fails and names what weighs', () => {
  expect(() => checkSizes(manifest, (file) => (file === 'assets/shared.js' ? sizesMax.script : 1))).toThrow(
    'the first load has 174081 bytes of script (gzip), allowed are 174080: load a part of it lazily.\n- assets/main.js: 1\n- assets/shared.js: 174080',
  );
});
