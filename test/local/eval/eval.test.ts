import { describe, expect, test } from '@jest/globals';
import { fromFeedback } from '../../../local/eval/feedback.ts';
import { cites, finds } from '../../../local/eval/matching.ts';
import { printReports } from '../../../local/eval/print.ts';
import { readQuestions } from '../../../local/eval/questions.ts';
import { drops, type Outcome, scoresOf, toKept, toReport } from '../../../local/eval/report.ts';

describe('questions', () => {
  test('CSV, with a header or without, several pages, and none', () => {
    const named = readQuestions('q.csv', '\ufeffExpected page,Question,document\n"3;5","What, then?",a.pdf\n,Why?,\n');
    expect(named.questions).toEqual([
      { id: '2', question: 'What, then?', group: '', expected: { pages: [3, 5], document: 'a.pdf', answer: '' } },
      { id: '3', question: 'Why?', group: '', expected: null },
    ]);
    expect(readQuestions('q.csv', 'When?,7\n').questions).toMatchObject([{ expected: { pages: [7], document: '' } }]);
  });

  test('a row that cannot be read says which one and what is allowed', () => {
    expect(() => readQuestions('q.csv', 'question,page\nWhen?,seven\n')).toThrow(
      "q.csv, row 2: the expected page is 'seven'; allowed are a number from 1",
    );
    expect(() => readQuestions('q.csv', 'question,page\n')).toThrow('q.csv has no questions.');
    expect(() => readQuestions('q.json', '[]')).toThrow('q.json is no SQuAD file');
  });

  test('SQuAD brings its paragraphs; is_impossible is not answerable', () => {
    const qas = [
      { id: 'a', question: 'When?', answers: [{ text: 'in 1066' }], is_impossible: false },
      { id: 'b', question: 'Who?', answers: [], is_impossible: true },
    ];
    const data = [
      {
        title: 'Hastings',
        paragraphs: [
          { context: 'It was in 1066.', qas },
          { context: 'More.', qas: [] },
        ],
      },
    ];
    expect(readQuestions('q.json', JSON.stringify({ data }))).toEqual({
      questions: [
        { id: 'a', question: 'When?', group: '', expected: { paragraph: 'It was in 1066.', answers: ['in 1066'] } },
        { id: 'b', question: 'Who?', group: '', expected: null },
      ],
      documents: [{ name: 'Hastings.txt', text: 'It was in 1066.\n\nMore.' }],
    });
  });
});

describe('what was found', () => {
  const page = { pages: [3], document: 'Manual.pdf', answer: '40 °C' };
  const found = { document_name: 'manual', page_number: 3, text: 'At most\n40 °C.' };
  test('is right by page and document, and for a passage by the answer in it', () => {
    expect(finds(page, found)).toBe(true);
    expect(finds(page, { ...found, text: 'At most 41 °C.' })).toBe(false);
    expect(cites(page, { ...found, text: 'At most 41 °C.' })).toBe(true);
    expect(cites(page, { ...found, page_number: 4 })).toBe(false);
    expect(cites(page, { ...found, document_name: 'other.pdf' })).toBe(false);
  });

  const paragraph = 'The battle was fought in the autumn of 1066 near a town of the south coast. The king fell in it.';
  const squad = { paragraph, answers: ['autumn of 1066'] };
  test.each([
    ['the whole paragraph in other white space', paragraph.replaceAll(' ', '\n'), true],
    ['a sentence of it', 'The king fell in it.', true],
    ['what stands around the answer, across the border', `${paragraph.slice(0, 90)}`, true],
    ['a neighbour and the answer with its surroundings', `Before. ${paragraph.slice(0, 80)}`, true],
    ['a neighbour that says the same words', 'The harvest was poor in the autumn of 1066 in the north.', false],
    ['nothing', '', false],
  ])('a paragraph: %s', (_what, text, right) => {
    expect(finds(squad, { document_name: 'x', page_number: 1, text })).toBe(right);
  });
});

const outcome = (
  rank: number | null,
  answer?: Partial<NonNullable<Outcome['answer']>>,
  more: Partial<Outcome> = {},
): Outcome => ({
  id: 'x',
  question: `q${rank}`,
  group: '',
  answerable: true,
  rank,
  searchMs: 10,
  ...(answer && { answer: { refused: false, citedRight: true, ms: 100, ...answer } }),
  ...more,
});

test('shares are of the questions that they are about', () => {
  const scores = scoresOf([
    outcome(1, {}),
    outcome(2, { citedRight: false }, { searchMs: 30 }),
    outcome(null, { refused: true, citedRight: true }),
    outcome(7, {}),
    outcome(null, { refused: true }, { answerable: false }),
    outcome(null, { refused: false }, { answerable: false }),
  ]);
  expect(scores).toEqual({
    questions: 6,
    unanswerable: 2,
    hit_1: 0.25,
    hit_5: 0.5,
    hit_10: 0.75,
    mrr: (1 + 1 / 2 + 1 / 7) / 4,
    cited_right: 0.5,
    refused_right: 0.5,
    refused_wrong: 0.25,
    search_ms_p50: 10,
    search_ms_p95: 30,
    answer_ms_p50: 100,
    answer_ms_p95: 100,
  });
  expect(scoresOf([outcome(1)])).toMatchObject({ cited_right: null, refused_right: null, refused_wrong: null });
});

test('a drop of two points passes, more does not; fewer refusals are no drop', () => {
  const kept = toKept(scoresOf([outcome(1, {}), outcome(null, { refused: true }, { answerable: false })]));
  expect(drops(kept, { ...kept, hit_1: 0.98, refused_wrong: 0.02 }, 0.02)).toEqual([]);
  expect(drops(kept, { ...kept, hit_1: 0.979, refused_wrong: 0.021 }, 0.02)).toEqual([
    'hit_1 was 1.000 and is 0.979',
    'refused_wrong was 0.000 and is 0.021',
  ]);
  expect(drops({ ...kept, refused_right: null }, kept, 0.02)).toEqual([]);
});

test('two reports stand side by side, with the questions that changed', () => {
  const before = toReport('before', [
    outcome(1, {}, { question: 'kept', group: 'g' }),
    outcome(1, {}, { question: 'lost' }),
  ]);
  const after = toReport('after', [
    outcome(1, {}, { question: 'kept', group: 'g' }),
    outcome(3, { citedRight: false }, { question: 'lost' }),
  ]);
  const text = printReports([before, after]);
  expect(text).toMatch(/^all +before +after$/m);
  expect(text).toMatch(/^hit@1 +1\.000 +0\.500$/m);
  expect(text).toMatch(/^g +before +after$/m);
  expect(text).toMatch(/^- lost$/m);
  expect(text).not.toMatch(/^[-+] kept$/m);
});

test('thumbs up are questions whose cited places count; thumbs down are left for people', () => {
  const cited = { document_name: 'a.pdf', page_number: 2 };
  const row = (question: string, more: object) => ({
    id: question,
    question,
    verdict: 'up' as const,
    answered: true,
    citations: [cited],
    ...more,
  });
  const { questions, unsolved } = fromFeedback([
    row('liked', {}),
    row('liked', { verdict: 'down' }),
    row('rightly refused', { answered: false }),
    row('disliked', { verdict: 'down' }),
    row('its document is gone', { citations: [{ ...cited, deleted: true }] }),
  ]);
  expect(questions).toEqual([
    { id: 'liked', question: 'liked', group: '', expected: { places: [cited] } },
    { id: 'rightly refused', question: 'rightly refused', group: '', expected: null },
  ]);
  expect(unsolved).toEqual(['disliked']);
  const [liked] = questions;
  expect(cites(liked?.expected as never, { ...cited, text: '' })).toBe(true);
  expect(cites(liked?.expected as never, { ...cited, page_number: 3, text: '' })).toBe(false);
});
