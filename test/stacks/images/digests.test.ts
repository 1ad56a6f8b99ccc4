import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readImages } from '../../../stacks/images/digests.ts';
import { placeholders } from '../synthesized.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bulkhead-images-'));
});
afterEach(() => rmSync(folder, { recursive: true }));
const read = (content: unknown) => {
  writeFileSync(join(folder, 'images.dev.json'), JSON.stringify(content));
  return readImages('dev', pathToFileURL(`${folder}/`));
};

test('digests are read', () => {
  expect(read(placeholders)).toEqual(placeholders);
});

test('a service without an image gets the placeholder, which no deploy takes', () => {
  const { web: _web, ...without } = placeholders;
  expect(read(without)).toEqual(placeholders);
});

test('a tag and a foreign service are refused', () => {
  expect(() => read({ ...placeholders, api: 'latest' })).toThrow(
    /images\.dev\.json is not valid:\n.*must be a digest: sha256: and 64 hexadecimal digits\n.*at api/,
  );
  expect(() => read({ ...placeholders, mail: placeholders.api })).toThrow(/Unrecognized key: "mail"/);
});

test('no file says how to get one', () => {
  expect(() => readImages('dev', pathToFileURL(`${folder}/`))).toThrow(
    'images.dev.json is missing beside the environment: run npm run images -- --push dev',
  );
});
