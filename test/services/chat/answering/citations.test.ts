/** Where a citation points: document, page and the exact passage, from the marks of an answer. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createMarkReader, quoteCitation } from '../../../../services/chat/answering/citations.ts';
import type { Passage } from '../../../../services/chat/answering/passages.ts';

const passage = (n: number, text: string, at: Partial<Passage> = {}): Passage => ({
  n,
  documentId: `document-${n}`,
  documentName: `${n}.pdf`,
  pageNumber: n,
  start: 0,
  end: text.length,
  text,
  heading: '',
  similarity: null,
  ...at,
});
/** All of it, in pieces of any size. */
function read(passages: readonly Passage[], pieces: readonly string[]) {
  const reader = createMarkReader(passages);
  const all = [...pieces.map((piece) => reader.push(piece)), reader.end()];
  return {
    text: all.map(({ text }) => text).join(''),
    citations: all.flatMap(({ citations }) => citations),
    dropped: reader.dropped,
  };
}
const cite = (passages: readonly Passage[], answer: string) => read(passages, [answer]).citations;
const words = (count: number) =>
  Array.from({ length: count }, (_, at) => passage(at + 1, `Sentence number ${at + 1} of the list, more below.`));

test('a citation is the passage’s document and page, and the page between its offsets is its quote', () => {
  const page =
    'Everything before the passage. Rents are due in advance every month. Deposits are paid back in thirty days.';
  const start = page.indexOf('Rents');
  const given = passage(3, page.slice(start), { documentId: 'd', documentName: 'lease.pdf', pageNumber: 7, start });
  const [found] = cite([given], 'Deposits come back in thirty days [3].');
  const at = page.indexOf('Deposits');
  expect(found).toEqual({
    n: 3,
    document_id: 'd',
    document_name: 'lease.pdf',
    page_number: 7,
    start: at,
    end: page.length,
    quote: page.slice(at),
  });
});

test('so is one of a quote', () => {
  const given = passage(2, 'Rents are due. Deposits are kept.', { start: 100 });
  const quote = { passage: given, start: 115, end: 133, text: 'Deposits are kept.', coverage: 1 };
  expect(quoteCitation(5, quote)).toEqual({
    n: 5,
    document_id: 'document-2',
    document_name: '2.pdf',
    page_number: 2,
    start: 115,
    end: 133,
    quote: 'Deposits are kept.',
  });
});

test('whatever precedes it, a citation’s offsets lie in its passage and give its quote', () => {
  const sentence = fc.lorem({ maxCount: 12 }).map((text) => `${text} `);
  const texts = fc.array(sentence, { minLength: 1, maxLength: 6 }).map((all) => all.join(''));
  fc.assert(
    fc.property(texts, fc.nat(5000), fc.lorem({ maxCount: 20 }), (text, start, claim) => {
      const given = passage(1, text, { start, end: start + text.length });
      const [found, ...others] = cite([given], `${claim} [1]`);
      expect(others).toEqual([]);
      // Of words that the passage has none of.
      if (!found) return;
      expect(text.slice(Number(found?.start) - start, Number(found?.end) - start)).toBe(found?.quote);
    }),
  );
});

test.each([
  ['[12]', [12]],
  ['[1,12]', [1, 12]],
  ['[1, 2]', [1, 2]],
  ['[1 ,2]', [1, 2]],
  ['[1 ; 2;3]', [1, 2, 3]],
  ['[01]', [1]],
  ['[1, 2, 3, 4, 5, 6, 7, 8]', [1, 2, 3, 4, 5, 6, 7, 8]],
  ['[1][2] [1]', [1, 2]],
  ['[123]', []],
  ['[1x, 2]', []],
  ['[1-3]', []],
  ['[]', []],
  ['(1)', []],
  ['[13]', []],
])('%s cites %j', (mark, numbers) => {
  expect(cite(words(12), `Told ${mark}.`).map(({ n }) => n)).toEqual(numbers);
});

test('the claim is what stands shortly before the mark, not the whole answer', () => {
  const given = passage(1, 'Apples grow in the northern orchard. Plums grow in the southern orchard.');
  const filler = 'Much else was said about this and that. '.repeat(10);
  expect(cite([given], `Apples are in the north. ${filler}Plums are elsewhere [1].`)[0]?.quote).toContain('Plums');
  expect(cite([given], `Apples are northern. ${filler.slice(0, 120)}[1]`)[0]?.quote).toContain('Apples');
  // The very first word of a short answer counts.
  expect(cite([given], 'Plums [1]')[0]?.quote).toContain('Plums');
});

test('marks within a claim are no words of it', () => {
  const given = passage(2, 'Paragraph 4711 is about cats and nothing else. Dogs are allowed in the garden.');
  expect(cite([given, passage(1, 'x')], 'Dogs[1]are[2]')[1]?.quote ?? '').toContain('Dogs');
});

test('of equal sentences the first is quoted, and the whole passage when a claim says too little to be compared', () => {
  const given = passage(1, 'Keys are kept by the porter. Keys are lent by the porter.');
  expect(cite([given], 'The porter has keys [1].')[0]?.quote).toBe('Keys are kept by the porter.');
  expect(cite([given], 'Yes, indeed [1].')[0]).toMatchObject({ start: 0, quote: given.text });
});

test('a mark is found wherever the text is cut, also far behind an opening bracket that never closes', () => {
  const given = words(3);
  const answer = `A list [see below, ${'and more '.repeat(20)}then [1] and [2;3] end`;
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 60 }), (sizes) => {
      const pieces: string[] = [];
      for (let at = 0, turn = 0; at < answer.length; turn++) {
        const size = sizes[turn % sizes.length] as number;
        pieces.push(answer.slice(at, at + size));
        at += size;
      }
      const { text, citations, dropped } = read(given, pieces);
      expect(citations.map(({ n }) => n)).toEqual([1, 2, 3]);
      expect([text, dropped]).toEqual([answer, 0]);
    }),
  );
});

const lease = passage(
  1,
  'Deposits are paid back within thirty days of the end of the lease, with 1,250.50 EUR of interest.',
);
const parcels = passage(2, 'Parcels leave the warehouse on weekdays; 40 vans carry them.', {
  heading: 'Shipping > Vans',
});
const korean = passage(3, '보증금은 임대차 종료 후 삼십 일 이내에 반환한다. 이자는 연 5퍼센트이다.');
test.each([
  [
    'its words and its number',
    'The deposit comes back within thirty days [1].',
    'The deposit comes back within thirty days [1].',
    [1],
  ],
  ['a number spelled out there', 'It comes back after 30 days [1].', 'It comes back after 30 days [1].', [1]],
  ['a number grouped in another way', 'Interest is 1250.5 EUR [1].', 'Interest is 1250.5 EUR [1].', [1]],
  [
    'a number that does not stand there',
    'Deposits come back within 45 days [1].',
    'Deposits come back within 45 days.',
    [],
  ],
  ['words that do not stand there', 'Dogs bark loudly at strangers [1].', 'Dogs bark loudly at strangers.', []],
  [
    'words that only its heading has',
    'Shipping vans carry everything [2].',
    'Shipping vans carry everything [2].',
    [2],
  ],
  [
    'one of two marks for one claim',
    'Deposits are paid back in thirty days [1, 2].',
    'Deposits are paid back in thirty days [1].',
    [1],
  ],
  [
    'each of two claims in one sentence',
    'Deposits come back in 30 days [1], and 40 vans carry parcels [2].',
    'Deposits come back in 30 days [1], and 40 vans carry parcels [2].',
    [1, 2],
  ],
  [
    'the same claim twice',
    'Deposits come back in thirty days [1] and [2].',
    'Deposits come back in thirty days [1] and.',
    [1],
  ],
  [
    'another language, by its number',
    'Deposits come back within 30 days [3].',
    'Deposits come back within 30 days [3].',
    [3],
  ],
  [
    'another language, by a wrong number',
    'Deposits come back within 45 days [3].',
    'Deposits come back within 45 days.',
    [],
  ],
  [
    'another language, without a number',
    '보증금은 돌려받을 수 있습니다 [1].',
    '보증금은 돌려받을 수 있습니다 [1].',
    [1],
  ],
  [
    'another language of the same script',
    'Die Kaution wird nach dem Ende der Miete mit Zinsen erstattet [1].',
    'Die Kaution wird nach dem Ende der Miete mit Zinsen erstattet [1].',
    [1],
  ],
  ['Korean words', '보증금은 30일 이내에 반환됩니다 [3].', '보증금은 30일 이내에 반환됩니다 [3].', [3]],
  [
    'Korean words that do not stand there',
    '강아지는 산책을 매우 좋아합니다 [3].',
    '강아지는 산책을 매우 좋아합니다.',
    [],
  ],
])('a mark stays when the passage supports its claim: %s', (_what, answer, shown, numbers) => {
  const { text, citations, dropped } = read([lease, parcels, korean], [...answer]);
  expect([text, citations.map(({ n }) => n)]).toEqual([shown, numbers]);
  expect(dropped).toBe((answer.match(/\d(?=[,\]])/g)?.length ?? 0) - numbers.length);
});
