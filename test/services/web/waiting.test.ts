/** What a person sees between the question and its answer. */
import { describe, expect } from '@jest/globals';
import type { Page } from 'playwright-core';
import { browserTest as test } from './browser.ts';
import { eachPage } from './each-page.ts';
import { id } from './fixture/samples.ts';
import type { Fixture } from './fixture/state.ts';

describe('between the question and its answer', () => {
  let page: Page;
  let fixture: Fixture;
  eachPage((each) => {
    ({ page, fixture } = each);
  });

  const conversation = `/b/${id(1)}/c/${id(600)}`;
  const ask = async (question: string) => {
    await page.getByRole('textbox', { name: 'Your question' }).fill(question);
    await page.keyboard.press('Enter');
  };

  test('says what it is doing: searching, waiting for the first word, writing; the head of the page stays', async () => {
    Object.assign(fixture.state.script, { holdFound: true, holdAfter: 0 });
    await page.goto(fixture.url + conversation);
    await ask('When does it end?');
    await page.getByText(/^Searching 16 documents…$/).waitFor();
    fixture.release();
    await page.getByText('Found 4 passages. Waiting for the first word…').waitFor();
    // What no one can scroll back: only the transcript moves to the question.
    const moved = await page.waitForFunction(() => {
      const all = [...document.querySelectorAll('*')].filter((one) => one.scrollTop > 0);
      return all.length > 0 && all.map((one) => one.getAttribute('role'));
    });
    expect(await moved.jsonValue()).toEqual(['log']);
    fixture.release();
    await page.getByText('Either party may end it').waitFor();
  });

  test('turns that come after the question do not push it out of sight', async () => {
    Object.assign(fixture.state.script, { holdFound: true });
    const asked = Promise.withResolvers<void>();
    await page.route('**/v1/chat/conversations/*/turns*', async (route) => {
      if (route.request().method() === 'GET') await asked.promise;
      await route.continue();
    });
    await page.goto(fixture.url + conversation);
    await ask('How may it be ended early?');
    await page.getByText(/^Searching 16 documents…$/).waitFor();
    asked.resolve();
    await page.getByRole('heading', { name: 'When may either side end the contract?' }).waitFor();
    const question = page.getByRole('heading', { name: 'How may it be ended early?' });
    await page.waitForFunction(
      (box) => box?.closest('[role=log]')?.scrollTop && box.getBoundingClientRect().top < window.innerHeight / 2,
      await question.elementHandle(),
    );
    fixture.release();
  });

  test('an answer stays although turns from before it come after its end', async () => {
    // Which would look at the turns once more.
    await page.route('**/v1/events*', () => {});
    const ended = Promise.withResolvers<void>();
    const looked = Promise.withResolvers<void>();
    let hasEnded = false;
    await page.route('**/v1/chat/conversations/*/turns*', async (route) => {
      if (route.request().method() !== 'GET') return route.continue();
      const known = await route.fetch();
      looked.resolve();
      if (!hasEnded) await ended.promise;
      // The page may have given it up meanwhile.
      await route.fulfill({ response: known }).catch(() => {});
    });
    await page.goto(fixture.url + conversation);
    await looked.promise;
    await ask('How may it be ended early?');
    const answer = page.getByRole('article', { name: 'How may it be ended early?' });
    await answer.getByRole('button', { name: 'Copy' }).waitFor();
    hasEnded = true;
    ended.resolve();
    await page.getByRole('heading', { name: 'When may either side end the contract?' }).waitFor();
    // Long enough for what came to take it away.
    await page.waitForTimeout(500);
    expect(await answer.count()).toBe(1);
  });
});
