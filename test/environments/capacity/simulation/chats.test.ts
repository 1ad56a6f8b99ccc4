import { expect, test } from '@jest/globals';
import { scalingRules } from '../../../../constructs/tier/scaling-target.ts';
import { refusedShare } from '../../../../environments/capacity/queueing.ts';
import { type ChatTier, type Question, simulateChats } from '../../../../environments/capacity/simulation/chats.ts';
import { exponential, seeded } from '../../../../environments/capacity/simulation/random.ts';
import { definitionOf } from '../../../../services/manifest.ts';

const tier: ChatTier = { min: 1, max: 1, slots: 8, streams: 8, answerSeconds: 12, patienceSeconds: 60 };

/** By Poisson, each of a tenant of its own. */
function questions(perSecond: number, count: number): Question[] {
  const random = seeded(1);
  let atMs = 0;
  return Array.from({ length: count }, (_, index) => {
    atMs += exponential(1000 / perSecond, random);
    return { atMs, tenant: `t${index}`, kind: 'question' };
  });
}

test.each([4, 8])('agrees with Erlang B at %d Erlang, when the refused do not come back', (offered) => {
  const count = 40_000;
  const { questions: outcomes } = simulateChats(
    questions(offered / 12, count),
    { ...tier, patienceSeconds: 0 },
    seeded(2),
  );
  const refused = outcomes.filter(({ waitMs }) => waitMs === undefined).length / count;
  expect(Math.abs(refused - refusedShare(8, offered))).toBeLessThan(0.01);
});

test('every question is answered or given up; each try but the last of an answered one is a yield', () => {
  const { questions: outcomes, yields } = simulateChats(questions(1, 2000), tier, seeded(2));
  expect(outcomes).toHaveLength(2000);
  const gaveUp = outcomes.filter(({ waitMs }) => waitMs === undefined);
  expect(gaveUp.length).toBeGreaterThan(0);
  const tries = outcomes.reduce((sum, one) => sum + one.tries, 0);
  expect(yields.reduce((sum, each) => sum + each, 0)).toBe(tries - (2000 - gaveUp.length));
});

test('replicas share the load: as many are refused as of one with all their slots', () => {
  const refused = (replicas: number, slots: number) =>
    simulateChats(
      questions(8 / 12, 10_000),
      { ...tier, min: replicas, max: replicas, slots, patienceSeconds: 0 },
      seeded(2),
    ).questions.filter(({ waitMs }) => waitMs === undefined).length;
  expect(Math.abs(refused(4, 2) / refused(1, 8) - 1)).toBeLessThan(0.05);
});

test('the same seed gives the same run', () => {
  const run = (seed: number) => JSON.stringify(simulateChats(questions(0.8, 500), tier, seeded(seed)));
  expect(run(1)).toBe(run(1));
  expect(run(1)).not.toBe(run(2));
});

test('a herd that obeys the hint sends less than one that comes back every second', () => {
  const herd = (impatient: boolean) =>
    Array.from(
      { length: 200 },
      (_, index): Question => ({ atMs: 0, tenant: `t${index}`, kind: 'question', impatient }),
    );
  const tries = (impatient: boolean) =>
    simulateChats(herd(impatient), { ...tier, patienceSeconds: 3600 }, seeded(1)).questions.reduce(
      (sum, one) => sum + one.tries,
      0,
    );
  expect(tries(false) * 5).toBeLessThan(tries(true));
});

test('who is refused tells how much more is asked for than is carried: a surge is met sooner', () => {
  // From its first moment on it keeps 36 of 8 slots busy.
  const surge = questions(3, 3600);
  const minutesRefused = (refusedEach?: number) => {
    const scaling = { ...scalingRules.ecs, perReplica: 5.6, refusedEach, startSeconds: 60 };
    const { yields } = simulateChats(surge, { ...tier, max: 12, scaling }, seeded(2));
    return yields.findLastIndex((count) => count > 20) + 1;
  };
  expect(minutesRefused()).toBe(15);
  expect(minutesRefused(definitionOf('chat').scaling?.refused?.each)).toBe(5);
});
