/** From what people do in a day to the load of the busiest hour. */

import type { Carried, Habits } from '../model.ts';
import { promisedHoursPerDay } from '../parts/habits.ts';
import { refusedShare } from '../queueing.ts';

export interface People {
  readonly people: number;
  readonly documentsPerDay: number;
  readonly pagesPerDocument: number;
  readonly questionsPerDay: number;
}

/** Of a day's work in its busiest hour: as if all of it came in those hours. An assumption. */
const busiestHourShare = 1 / promisedHoursPerDay;
/** Of one person with the page open: lists, jobs, events. An assumption. */
const requestsPerSecondEach = 0.2;

const example = '200 people, 500 documents a day of 40 pages, 2,000 questions';
const number = '([\\d,]+)';
const wording = new RegExp(
  `^${number} people, ${number} documents a day of ${number} pages, ${number} questions(?: a day)?$`,
);

/** @throws Error with an example, where it does not say all four */
export function peopleOf(text: string): People {
  const found = wording.exec(text.trim());
  const numbers = found?.slice(1).map((digits) => Number(digits.replaceAll(',', '')));
  if (!numbers?.every((each) => each >= 1))
    throw new Error(`given target '${text}'; allowed: words as in '${example}', each number at least 1`);
  const [people = 0, documentsPerDay = 0, pagesPerDocument = 0, questionsPerDay = 0] = numbers;
  return { people, documentsPerDay, pagesPerDocument, questionsPerDay };
}

/** Of the busiest hour. Chats at once are as many slots as leave no more refused than the habits say. */
export function loadOf(
  { people, documentsPerDay, pagesPerDocument, questionsPerDay }: People,
  { answerSeconds, refusedMax, busyShare }: Habits,
): Carried {
  const perMinute = (ofDay: number) => (ofDay * busiestHourShare) / 60;
  const chatsPerMinute = perMinute(questionsPerDay);
  const offered = (chatsPerMinute * answerSeconds) / 60;
  let slots = 1;
  while (refusedShare(slots, offered) > refusedMax) slots += 1;
  return {
    // Parsers that are all busy have no shortest wait any more.
    pagesPerMinute: Math.ceil(perMinute(documentsPerDay * pagesPerDocument) / busyShare),
    // Vectors follow in all hours of the day.
    embeddedPagesPerMinute: Math.ceil((documentsPerDay * pagesPerDocument) / (24 * 60) / busyShare),
    concurrentChats: slots,
    chatsPerMinute: Math.ceil(chatsPerMinute),
    apiRequestsPerSecond: Math.ceil(people * requestsPerSecondEach),
  };
}
