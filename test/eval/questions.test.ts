/** The evaluation set of this repository: every answer stands where it is said to stand. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readQuestions } from '../../local/eval/questions.ts';
import { openPdf } from '../../services/document-worker/parser/pdf/pdf-document.ts';
import { openText } from '../../services/document-worker/parser/text-document.ts';
import { testWith } from '../support/skip.ts';
import { documentPath, documents, lacksDocuments, questionsPath } from './set.ts';

const set = readQuestions('questions.csv', await readFile(questionsPath, 'utf8'));
const answerable = set.questions.filter(({ expected }) => expected !== null);

test('it is large enough, in two languages, a third in other words', () => {
  const other = set.questions.filter(({ group }) => group.endsWith('other words')).length;
  expect(set.questions.length).toBeGreaterThanOrEqual(150);
  expect(other).toBeGreaterThanOrEqual(50);
  expect(set.questions.length - answerable.length).toBeGreaterThanOrEqual(30);
  expect(new Set(set.questions.map(({ group }) => group))).toEqual(
    new Set(['English', 'English, other words', 'Korean', 'Korean, other words']),
  );
  expect(new Set(set.questions.map(({ question }) => question)).size).toBe(set.questions.length);
});

testWith(lacksDocuments)('every answer stands on its page, as the service reads it', async () => {
  const texts = new Map<string, string>();
  for (const name of await documents()) {
    const reader = await (name.endsWith('.pdf') ? openPdf : openText)(documentPath(name));
    const pages = Array.from({ length: reader.pageCount }, (_, at) => at + 1);
    for await (const { result } of reader.read(pages)) texts.set(`${name} ${result.page_number}`, bare(result.text));
    reader.close();
  }
  const wrong = answerable.flatMap(({ question, expected }) => {
    if (!expected || !('pages' in expected) || !expected.answer) return [question];
    const { pages, document, answer } = expected;
    return pages.every((page) => texts.get(`${document} ${page}`)?.includes(bare(answer))) ? [] : [question];
  });
  expect(wrong).toEqual([]);
});

test('no document of the repository is without questions', async () => {
  const asked = new Set(answerable.map(({ expected }) => (expected && 'pages' in expected ? expected.document : '')));
  for (const name of await readdir(join(import.meta.dirname, 'documents')))
    expect(asked).toContain(name.normalize('NFC'));
});

const bare = (text: string) => text.normalize('NFKC').replaceAll(/\s+/g, '').toLowerCase();
