import { expect, test } from '@jest/globals';
import { loadOf, peopleOf } from '../../../../environments/capacity/advice/people.ts';
import { defaultHabits } from '../../../../environments/capacity/model.ts';

test('people in words, and the load of their busiest hour', () => {
  const people = peopleOf('200 people, 500 documents a day of 40 pages, 2,000 questions');
  expect(people).toEqual({ people: 200, documentsPerDay: 500, pagesPerDocument: 40, questionsPerDay: 2000 });
  expect(loadOf(people, defaultHabits)).toEqual({
    // 20,000 pages a day, a fifth of them in 60 minutes, of parsers that are at most 80 % busy: 66.7 / 0.8.
    pagesPerMinute: 84,
    // Of 24 hours: 20,000 / 1,440 / 0.8.
    embeddedPagesPerMinute: 18,
    // 400 answers of 12 s in an hour are 1.33 Erlang: 4 slots refuse 3.4 %, 5 refuse 0.9 %.
    concurrentChats: 5,
    chatsPerMinute: 7,
    apiRequestsPerSecond: 40,
  });
});

test.each(['many people', '0 people, 1 documents a day of 1 pages, 1 questions'])('%s is refused', (text) => {
  expect(() => peopleOf(text)).toThrow(
    `given target '${text}'; allowed: words as in '200 people, 500 documents a day of 40 pages, 2,000 questions'`,
  );
});
