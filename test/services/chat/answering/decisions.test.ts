import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createMarkReader } from '../../../../services/chat/answering/citations.ts';
import { extract } from '../../../../services/chat/answering/extractive.ts';
import { type Passage, toPassages } from '../../../../services/chat/answering/passages.ts';
import { buildPrompt, recent, searchText } from '../../../../services/chat/answering/prompt.ts';
import { titleOf } from '../../../../services/chat/conversations/conversations.ts';
import { sentencesOf } from '../../../../services/shared/sentences.ts';

const hit = (start: number, text: string, page = 1, document = 'd') => ({
  id: `${document}:${page}:${start}`,
  document_id: document,
  page_number: page,
  start,
  end: start + text.length,
  text,
  heading: '',
  score: 1,
  text_score: 1,
  similarity: null,
});
const names = new Map([['d', 'handbook.pdf']]);
const passages = (...texts: string[]): Passage[] =>
  toPassages(
    texts.map((text, index) => hit(0, text, index + 1)),
    names,
  );

test('overlapping and adjoining hits of a page become one passage, at the better place', () => {
  const page = 'abcdefghijklmnopqrstuvwxyz';
  const cut = (from: number, to: number) => hit(from, page.slice(from, to));
  const merged = toPassages([cut(10, 15), hit(0, 'other page', 2), cut(13, 20), cut(5, 10)], names);
  expect(merged.map(({ n, pageNumber, start, end, text }) => [n, pageNumber, start, end, text])).toEqual([
    [1, 1, 5, 20, page.slice(5, 20)],
    [2, 2, 0, 10, 'other page'],
  ]);
});

test('a passage is exactly the page between its offsets, whatever overlaps', () => {
  const page = Array.from({ length: 60 }, (_, index) => String.fromCharCode(0xac00 + index)).join('');
  const range = fc.tuple(fc.nat(59), fc.integer({ min: 1, max: 20 }));
  fc.assert(
    fc.property(fc.array(range, { maxLength: 12 }), (ranges) => {
      const hits = ranges.map(([start, length]) => hit(start, page.slice(start, start + length)));
      const merged = toPassages(hits, names);
      for (const { start, end, text } of merged) expect(text).toBe(page.slice(start, end));
      for (const { start, end } of hits)
        expect(merged.filter((passage) => passage.start <= start && end <= passage.end)).toHaveLength(1);
    }),
  );
});

test('sentences are exact slices of the text, in order, and miss no word', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('가', 'a', '.', ' ', '\n', '다. ', 'word '), maxLength: 300 }),
      (text) => {
        const sentences = sentencesOf(text);
        for (const { start, end, text: sentence } of sentences) expect(sentence).toBe(text.slice(start, end));
        const joined = sentences
          .map((sentence) => sentence.text)
          .join('')
          .replace(/\s/g, '');
        expect(joined).toBe(text.replace(/\s/g, ''));
      },
    ),
  );
});

test('marks become citations wherever the stream is cut', () => {
  const given = passages('Refunds take fourteen days. Fees are extra.', 'Late payment costs eight percent.');
  const answer = 'Refunds: fourteen days [1]. Late: 8% [2, 7][99] [x] [1';
  const whole = createMarkReader(given).push(answer);
  expect(whole.citations.map(({ n, quote }) => [n, quote])).toEqual([
    [1, 'Refunds take fourteen days.'],
    [2, 'Late payment costs eight percent.'],
  ]);
  fc.assert(
    fc.property(fc.nat(answer.length), fc.nat(answer.length), (first, second) => {
      const [from, to] = [Math.min(first, second), Math.max(first, second)];
      const reader = createMarkReader(given);
      const pieces = [answer.slice(0, from), answer.slice(from, to), answer.slice(to)];
      expect(pieces.flatMap((piece) => reader.push(piece).citations).map(({ n }) => n)).toEqual([1, 2]);
    }),
  );
});

test.each([
  ['What does late payment cost?', true, 'Invoices are due within thirty days; late payment costs eight percent.'],
  ['Which index is used above ten thousand rows?', true, 'Above ten thousand rows an IVF index is built.'],
  ['출장비는 언제 지급되나요?', true, '출장비는 영수증을 제출한 뒤 열흘 안에 지급한다.'],
  ['연차휴가 계산 기준', true, '연차휴가는 입사일을 기준으로 계산하며, 회사는 이를 매년 통지한다.'],
  ['年次有給休暇は何日ですか？', true, '従業員には年次有給休暇が二十日与えられます。'],
  ['北京的人口是多少？', true, '北京市的人口约为两千二百万。'],
  ['火星の大気は何でできていますか？', false, ''],
  ['Who won the world cup?', false, ''],
  ['오늘 날씨 어때?', false, ''],
  ['?', false, ''],
])('the extractive answerer on %j', (question, answered, best) => {
  const result = extract(
    question,
    passages(
      'Invoices are due within thirty days; late payment costs eight percent. The rate doubles later.',
      '연차휴가는 입사일을 기준으로 계산하며, 회사는 이를 매년 통지한다. 출장비는 영수증을 제출한 뒤 열흘 안에 지급한다.',
      '従業員には年次有給休暇が二十日与えられます。',
      '北京市的人口约为两千二百万。',
      'Small tables need no index at all. Above ten thousand rows an IVF index is built.',
    ),
  );
  expect(result.answered).toBe(answered);
  if (answered) expect(result.quotes[0]?.text).toBe(best);
});

test.each<[string, number | null, boolean]>([
  ['the meaning near', 0.6, true],
  ['the meaning far', 0.1, false],
  ['no vectors', null, false],
])('in other words than the question: %s', (_, similarity, answered) => {
  const texts = ['Staff may stay away for twenty days a year.', 'The canteen opens at noon.'];
  const [first, other] = passages(...texts) as [Passage, Passage];
  const found = extract('How long is annual leave a year?', [
    { ...first, similarity },
    { ...other, similarity: 0 },
  ]);
  expect([found.answered, found.quotes[0]?.text]).toEqual([answered, texts[0]]);
});

test('the same sentence on two pages is quoted once', () => {
  const { quotes } = extract(
    'late payment costs',
    passages('Late payment costs eight percent.', 'Late payment costs  eight percent.'),
  );
  expect(quotes).toHaveLength(1);
});

test('a question that the document asks is quoted with its answer', () => {
  const text = 'How much is the delivery of a parcel? Five euros within the country. Heavy ones go by rail.';
  const { quotes, answered } = extract('How much is the delivery of a parcel?', passages(text));
  expect([answered, quotes[0]?.text]).toEqual([
    true,
    'How much is the delivery of a parcel? Five euros within the country.',
  ]);
  expect(text.slice(quotes[0]?.start, quotes[0]?.end)).toBe(quotes[0]?.text);
});

const session = [
  'Plot the points in the plane. A graphics window will appear automatically.',
  'ls() See which R objects are now in the R workspace.',
  'rm(x, y) Remove objects no longer needed. (Clean up).',
  'x <- 1:20 Make x = (1, 2, . . . , 20).',
];
const wrapped = [
  'the members of the board are chosen by the assembly of all who have paid',
  'their share of the costs of the hall in the year before the one in which',
  'the board is chosen anew',
];
test.each<[string, string, string[], string]>([
  ['a row', 'How do I remove an object?', session, 'rm(x, y) Remove objects no longer needed.'],
  [
    'a row that announces the next',
    'How are objects removed?',
    ['Summary', 'objects are removed so:', '> rm(x, y)', 'and never', 'come back'],
    'objects are removed so:\n> rm(x, y)',
  ],
  [
    'words of several rows',
    'pump dry voltage',
    ['T34 voltage', 'T40 the pump', 'T41 dry'],
    'T34 voltage\nT40 the pump\nT41 dry',
  ],
  ['lines of one sentence', 'Who are members of the board?', wrapped, wrapped.join('\n')],
])('what has no full stop is quoted as it stands: %s', (_, question, lines, best) => {
  const text = lines.join('\n');
  const [quote] = extract(question, passages(text)).quotes;
  expect(quote?.text).toBe(best);
  expect(text.slice(quote?.start, quote?.end)).toBe(best);
});

test('history fits its share of the prompt, newest first kept, without the numbers of old passages', () => {
  const history = Array.from({ length: 10 }, (_, index) => ({
    question: `q${index}`,
    answer: `${'x'.repeat(800)} [1]`,
  }));
  expect(recent(history).map(({ question }) => question)).toEqual(['q5', 'q6', 'q7', 'q8', 'q9']);
  const { messages } = buildPrompt({
    question: 'now?',
    passages: [],
    history: [{ question: 'a', answer: 'b [1, 2] c [3].' }],
    boundary: 'x',
  });
  expect(messages[1]?.content).toBe('b c.');
});

test('a short question is searched with the one before', () => {
  const history = [{ question: 'How long do refunds take?', answer: '' }];
  expect(searchText('And in Korea?', history)).toBe('And in Korea?\nHow long do refunds take?');
  expect(searchText('How long does delivery take?', history)).toBe('How long does delivery take?');
  expect(searchText('And in Korea?', [])).toBe('And in Korea?');
});

test('titles are one line of at most 80 characters', () => {
  expect(titleOf('  What\nis  this? ')).toBe('What is this?');
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), (question) => expect(titleOf(question).length).toBeLessThanOrEqual(80)),
  );
});

test('what only repeats words of the question answers nothing', () => {
  const asked = 'What is the capital of Portugal?';
  const rain = 'Rain falls on the hills of Australia.';
  const heading = extract(asked, passages('Portugal.', 'The capital of Portugal', rain));
  expect(heading.answered).toBe(false);
  expect(heading.quotes.map(({ text }) => text)).toEqual([rain]);
  const told = extract(asked, passages('Portugal.', 'Portugal: capital Lisbon.'));
  expect(told.answered).toBe(true);
  expect(told.quotes[0]?.text).toBe('Portugal: capital Lisbon.');
});
