/** The decisions of the page: what a state says, when Enter sends, where a passage lies. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Turn } from '../../../../services/shared/contract/chat.ts';
import type { Job } from '../../../../services/shared/contract/job.ts';
import { readLocation, withSource } from '../../../../services/web/ui/brain/source-location.ts';
import { grow, noBlocks } from '../../../../services/web/ui/chat/answer/blocks.ts';
import { onEnter } from '../../../../services/web/ui/chat/asking/ime.ts';
import { turnsOf, withTurn } from '../../../../services/web/ui/chat/turns-cache.ts';
import { en } from '../../../../services/web/ui/copy/en.ts';
import { formatFor, pageRanges } from '../../../../services/web/ui/copy/format.ts';
import { ko } from '../../../../services/web/ui/copy/ko.ts';
import { readEvent } from '../../../../services/web/ui/data/apply-events.ts';
import { errorFrom } from '../../../../services/web/ui/data/http.ts';
import { timeLeft } from '../../../../services/web/ui/data/uploads.ts';
import { documentState, refusal } from '../../../../services/web/ui/documents/document-state.ts';
import { partText, rectangles } from '../../../../services/web/ui/source/marks.ts';
import { makePaper, passageOn } from '../fixture/paper.ts';
import { everyState, id, pausedToday, problemOf, sampleDocument, sampleJob, sampleTurn } from '../fixture/samples.ts';

const english = en(formatFor('en'));
const korean = ko(formatFor('ko'));
const limits = { upload_bytes_max: 100_000_000, pages_max: 5000 };

describe('the state of a document', () => {
  const of = (job: Job) => ({ ...sampleDocument(1, 'a.pdf'), job });
  const now = Date.now();
  const said = Object.fromEntries(
    everyState().map((document) => [
      document.name,
      [english, korean].map((copy) => documentState(document, copy, limits, now).text),
    ]),
  );
  test.each([
    ['long.pdf', '2,000 pages · about $4.20 · about 21 min. Start?', '2,000쪽 · 약 $4.20 · 약 21분. 시작할까요?'],
    ['waiting.pdf', 'Waiting · about 3 min · 120 pages before it', '대기 중 · 약 3분 · 앞에 120쪽'],
    ['checking.pdf', 'Checking the file…', '파일을 확인하는 중…'],
    ['R-reference-manual.pdf', 'Reading: 350 of 2,000 pages · 4 min left', '읽는 중: 2,000쪽 중 350쪽 · 4분 남음'],
    ['stuck.pdf', 'No progress for 2 min. Still trying.', '2분 동안 진행이 없습니다. 계속 시도하고 있습니다.'],
    ['indexing.pdf', 'Making it searchable…', '검색할 수 있게 준비하는 중…'],
    ['contract.pdf', 'Ready · 3 pages', '준비됨 · 3쪽'],
    ['계약서-부속합의.md', 'Ready · 2 pages · improving search', '준비됨 · 2쪽 · 검색 개선 중'],
    [
      'scan-of-minutes.pdf',
      'Ready, but 3 of 2,000 pages could not be read: 17, 40-41',
      '준비됨. 단, 2,000쪽 중 3쪽을 읽지 못했습니다: 17, 40-41',
    ],
    ['locked.pdf', 'Not added: locked with a password', '추가하지 못했습니다: 암호로 잠긴 PDF입니다'],
    ['broken.pdf', 'Not added: damaged', '추가하지 못했습니다: 손상된 파일입니다'],
    ['stopped.pdf', 'Stopped after 350 of 2,000 pages', '중지됨: 2,000쪽 중 350쪽 처리'],
    ['going.pdf', 'Deleting…', '삭제하는 중…'],
  ])('%s', (name, inEnglish, inKorean) => {
    expect(said[name]).toEqual([inEnglish, inKorean]);
  });
  test('what the contract allows and no service writes yet is said too', () => {
    const queued = sampleJob(1, { status: 'queued', ahead: 3 });
    const say = (change: Partial<Job>) =>
      [english, korean].map((copy) => documentState(of({ ...queued, ...change }), copy, limits, now).text);
    const progress = { ...queued.progress, pages_total: 2000 };
    expect(say({ status: 'awaiting_confirmation', price: { pages: 2000, usd: null }, progress })).toEqual([
      '2,000 pages · price unknown. Start?',
      '2,000쪽 · 가격 알 수 없음. 시작할까요?',
    ]);
    expect(say({ status: 'awaiting_confirmation', price: { pages: 2000, usd: 0 }, progress })).toEqual([
      '2,000 pages. Start?',
      '2,000쪽. 시작할까요?',
    ]);
    const place = { place: 4, pages_ahead: null, starts_in_ms: null };
    expect(say({ queue: place })).toEqual(['Waiting · 3 of your documents before it', '대기 중 · 내 문서 3건 먼저']);
    const first = { place: 1, pages_ahead: 0, starts_in_ms: 0 };
    const soon = { ...queued.progress, eta_ms: 40_000 };
    expect(say({ queue: first, progress: soon })).toEqual([
      'Waiting · about 40 s · next',
      '대기 중 · 약 40초 · 다음 차례',
    ]);
    const [paused, inKorean] = say(sampleJob(1, pausedToday()));
    expect(paused).toMatch(/^Paused: daily limit reached\. Continues at \d\d:\d\d\.$/);
    expect(inKorean).toMatch(/^일시 중지: 하루 한도에 도달했습니다\. \d\d:\d\d에 계속합니다\.$/);
  });
  test('our own fault names a reference; trying again is offered only where it can help', () => {
    const failed = (code: 'internal' | 'encrypted') => sampleJob(1, { status: 'failed', error: problemOf(code) });
    const fault = documentState(of(failed('internal')), english, limits, now);
    expect(fault).toMatchObject({ text: `Not added: our fault, reference ${id(5001)}`, actions: ['retry', 'remove'] });
    expect(documentState(of(failed('encrypted')), english, limits, now).actions).toEqual(['remove']);
  });
  test('pages without text are told, and reading them again is not offered', () => {
    const said = (failed: number[]) => {
      const progress = { pages_total: 12, failed_pages: failed, pages_without_text: 9 };
      const document = sampleDocument(1, 'a.pdf', { status: 'partial', progress });
      return [english, korean].map((copy) => documentState(document, copy, limits, now));
    };
    expect(said([]).map(({ text }) => text)).toEqual([
      'Ready, but 9 of 12 pages hold no text (scanned?)',
      '준비됨. 단, 12쪽 중 9쪽에 텍스트가 없습니다(스캔한 쪽인가요?)',
    ]);
    expect(said([])[0]?.actions).toEqual(['open']);
    expect(said([3]).map(({ text }) => text)).toEqual([
      'Ready, but 1 of 12 pages could not be read: 3; 9 of 12 pages hold no text (scanned?)',
      '준비됨. 단, 12쪽 중 1쪽을 읽지 못했습니다: 3; 12쪽 중 9쪽에 텍스트가 없습니다(스캔한 쪽인가요?)',
    ]);
    expect(said([3])[0]?.actions).toEqual(['retry-pages', 'open']);
  });
  test('failures are a part of the bar', () => {
    const document = sampleDocument(1, 'a.pdf', {
      status: 'running',
      progress: {
        stage: 'parsing',
        pages_total: 100,
        pages_done: 40,
        failed_pages: Array.from({ length: 10 }, (_, at) => at + 1),
      },
    });
    expect(documentState(document, english, limits, now).bar).toMatchObject({ done: 0.4, failed: 0.1 });
  });
  test.each([
    [{ name: '보고서.hwp', size: 1 }, 'type not supported: .hwp'],
    [{ name: 'a.pdf', size: 100_000_001 }, 'larger than 100 MB'],
    [{ name: 'a.pdf', size: 0 }, 'the file is empty'],
    [{ name: 'README.MD', size: 5 }, null],
  ])('before sending %j', (file, reason) => {
    expect(refusal(file, english, limits)).toBe(reason);
  });
});

describe('figures', () => {
  test('runs of pages', () => {
    expect(pageRanges([41, 17, 40, 3, 4, 5])).toBe('3-5, 17, 40-41');
    expect(pageRanges([])).toBe('');
  });
  test('durations round up, so that a promise of time is kept', () => {
    const { duration, bytes } = formatFor('en');
    expect([1, 3000, 59_001, 61_000, 7_200_001].map(duration)).toEqual(['1 s', '3 s', '1 min', '2 min', '3 h']);
    expect([999, 59_000_000, 1_500_000_000].map(bytes)).toEqual(['999 B', '59 MB', '1.5 GB']);
    expect(formatFor('ko').duration(12_000)).toBe('12초');
  });
  test('time left of an upload', () => {
    expect(timeLeft(25, 100, 5000)).toBe(15_000);
    expect(timeLeft(25, 100, 500)).toBeNull();
    expect(timeLeft(0, 100, 5000)).toBeNull();
  });
});

describe('Enter', () => {
  const enter = { key: 'Enter', code: 'Enter', keyCode: 13, shiftKey: false, isComposing: false };
  const none = { active: false, text: '' };
  test.each([
    ['plain', {}, none, 'send'],
    ['with Shift', { shiftKey: true }, none, 'ignore'],
    ['another key', { key: 'a', code: 'KeyA', keyCode: 65 }, none, 'ignore'],
    ['in Hangul', { keyCode: 229, isComposing: true }, { active: true, text: '요' }, 'send-on-end'],
    ['in Hangul on Windows', { key: 'Process', keyCode: 229 }, { active: true, text: 'ㅇ' }, 'send-on-end'],
    ['after Hangul in Safari', { keyCode: 229 }, { active: false, text: '요' }, 'send-soon'],
    ['in kana', { keyCode: 229, isComposing: true }, { active: true, text: 'とう' }, 'ignore'],
    ['after kana in Safari', { keyCode: 229 }, { active: false, text: '東' }, 'ignore'],
  ] as const)('%s', (_name, change, composition, decision) => {
    expect(onEnter({ ...enter, ...change }, composition)).toBe(decision);
  });
});

describe('the blocks of a growing answer', () => {
  test('join to the text, however it arrives', () => {
    const piece = fc.constantFrom('a', ' ', '\n', '\n\n', '- x', '# ', '```\n', '[1]', '가', '|', '\t', '\r\n');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        let blocks = noBlocks;
        let text = '';
        for (const next of pieces) {
          text += next;
          blocks = grow(blocks, text);
          expect(blocks.parts.join('')).toBe(text);
        }
      }),
      { numRuns: 200 },
    );
  });
  test('finished ones stay the same', () => {
    const text = Array.from({ length: 20 }, (_, n) => `Paragraph ${n}.`).join('\n\n');
    const before = grow(noBlocks, text);
    const after = grow(before, `${text} More.`);
    expect(after.parts.slice(0, 30)).toEqual(before.parts.slice(0, 30));
    expect(after.parts.at(-1)).toBe('Paragraph 19. More.');
  });
});

describe('the cited passage', () => {
  test('is marked by whole lines, and not at all when the offsets do not fit', async () => {
    const { pages } = await makePaper();
    const page = pages[1];
    if (!page) throw new Error('the paper has three pages');
    const passage = passageOn(page, 'the other party\nninety days of written notice.');
    expect(rectangles(page, passage)).toHaveLength(2);
    for (const { left, top, width, height } of rectangles(page, passage))
      for (const share of [left, top, left + width, top + height]) {
        expect(share).toBeGreaterThan(0);
        expect(share).toBeLessThan(1);
      }
    expect(partText(page.text, passage)?.[1]).toBe(passage.quote);
    expect(partText(page.text, { start: 5, end: page.text.length + 1 })).toBeNull();
    expect(rectangles(page, null)).toEqual([]);
  });
  test('is a part of the address', () => {
    const source = { document: id(1), page: 7, cite: { turn: id(2), n: 3 } };
    expect(readLocation(withSource(source))).toEqual({ pane: 'source', source });
    expect(readLocation(new URLSearchParams('src=x&p=-2&cite=t.0'))).toEqual({
      pane: 'chat',
      source: { document: 'x', page: 1, cite: null },
    });
    expect(readLocation(new URLSearchParams('pane=source'))).toEqual({ pane: 'chat', source: null });
  });
});

describe('turns in the cache', () => {
  const older = sampleTurn(1);
  const newer: Turn = sampleTurn(2);
  test('a new one is the last to read, a known one is replaced where it is', () => {
    const pages = withTurn(withTurn(undefined, older), newer);
    expect(turnsOf(pages)).toEqual([older, newer]);
    const changed = { ...older, answer: 'changed' };
    expect(turnsOf(withTurn(pages, changed))).toEqual([changed, newer]);
  });
});

describe('an error answer', () => {
  const noHeader = () => null;
  test('is read from problem+json, from better-auth, and from a proxy that writes HTML', () => {
    expect(errorFrom(503, JSON.stringify(problemOf('yield', { retry_hint_ms: 2500 })), noHeader)).toMatchObject({
      code: 'yield',
      status: 503,
      retryAfterMs: 2500,
    });
    expect(errorFrom(401, '{"code":"INVALID","message":"Invalid"}', noHeader)).toMatchObject({
      status: 401,
      message: 'Invalid',
    });
    expect(errorFrom(413, '<html>', (name) => (name === 'retry-after' ? '7' : null))).toMatchObject({
      code: 'http-413',
      retryAfterMs: 7000,
    });
  });
});

test.each(['', '{', 'nonsense', 'null', '7', '{"id": "1"'])(
  'news that cannot be read (%j) means: fetch all anew',
  (text) => {
    expect(readEvent('brain', text)).toEqual({ event: 'reload', data: {} });
    expect(readEvent('brain.deleted', '{"id":"1"}')).toEqual({ event: 'brain.deleted', data: { id: '1' } });
  },
);
