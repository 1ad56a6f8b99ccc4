/** What people do; the constants cannot say it. */
export interface Habits {
  /** An answer holds its slot as long: 240 tokens at 20 a second, as the constants were measured. */
  readonly answerSeconds: number;
  readonly answerTokens: number;
  /** Read by the model for one answer: 16 passages of 1,200 characters, 4 a token, and 600 of rules, question and turns before. */
  readonly promptTokens: number;
  /** Of chats, told to come back. */
  readonly refusedMax: number;
  /** Pages of a light document. */
  readonly lightPages: number;
  /** How full parsers are where a wait is told: above, a wait grows without bound with small changes of load. */
  readonly busyShare: number;
}

export const defaultHabits: Habits = {
  answerSeconds: 12,
  answerTokens: 240,
  promptTokens: 5400,
  refusedMax: 0.01,
  lightPages: 10,
  busyShare: 0.8,
};

/** A promise holds for so long of each day: the busiest hour has a fifth of a day's work. */
export const promisedHoursPerDay = 5;
