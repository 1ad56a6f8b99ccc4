/** Answers that did not come to their end: cut at the model's limit, broken off; what the page offers then. */
import { describe, expect } from '@jest/globals';
import type { Page } from 'playwright-core';
import { browserTest as test } from './browser.ts';
import { eachPage } from './each-page.ts';
import { id } from './fixture/samples.ts';
import type { Fixture } from './fixture/state.ts';

describe('an answer without its end', () => {
  let page: Page;
  let fixture: Fixture;
  eachPage((each) => {
    ({ page, fixture } = each);
  });

  const conversation = `/b/${id(1)}/c/${id(600)}`;
  const ask = async (question: string) => {
    await page.goto(fixture.url + conversation);
    await page.getByRole('textbox', { name: 'Your question' }).fill(question);
    await page.keyboard.press('Enter');
  };
  const article = (name: string) => page.getByRole('article', { name });
  const lastTurn = () => fixture.state.turns.at(-1);

  test('cut at the limit: says so, and goes on by one click', async () => {
    fixture.state.script.answer = { answer: 'Either party may end it with nine', finish_reason: 'length' };
    await ask('When does it end?');
    const cut = article('When does it end?');
    await cut.getByText("The answer was cut at the model's limit.").waitFor();
    const cutTurn = lastTurn()?.id;
    fixture.state.script.answer = { answer: 'ty days of notice.' };
    await cut.getByRole('button', { name: 'Go on' }).click();
    await page.getByText('ty days of notice.').waitFor();
    await page.getByRole('heading', { name: 'Go on' }).waitFor();
    expect(lastTurn()).toMatchObject({ continues: cutTurn, question: 'When does it end?' });
    expect(await cut.getByRole('button', { name: 'Go on' }).count()).toBe(0);
  });

  test('broken off: what arrived is kept, and the same question is asked again without counting', async () => {
    fixture.state.script.answer = { answer: 'Either party', status: 'interrupted', finish_reason: null };
    await ask('When does it end?');
    const lost = article('When does it end?');
    await lost.getByText('The answer was cut off. What arrived is kept.').waitFor();
    await lost.getByText('Either party').waitFor();
    const lostTurn = lastTurn()?.id;
    fixture.state.script.answer = { answer: 'With ninety days of notice.' };
    await lost.getByRole('button', { name: 'Ask again' }).click();
    await page.getByText('With ninety days of notice.').waitFor();
    expect(lastTurn()).toMatchObject({ retry_of: lostTurn, question: 'When does it end?' });
    expect(await lost.getByRole('button', { name: 'Ask again' }).count()).toBe(0);
    expect(new Set(fixture.state.idempotencyKeys).size).toBe(2);
  });

  test('asked again on a line that breaks: Send follows the turn that was made, and makes no second', async () => {
    fixture.state.script.answer = { answer: 'Either party', status: 'interrupted', finish_reason: null };
    await ask('When does it end?');
    const again = article('When does it end?').getByRole('button', { name: 'Ask again' });
    await again.waitFor();
    fixture.state.script.answer = { answer: 'With ninety days of notice.' };
    let broken = false;
    await page.route('**/v1/chat/conversations/*/turns', async (route) => {
      if (broken || route.request().method() !== 'POST') return route.continue();
      broken = true;
      await route.fetch();
      await route.abort('connectionreset');
    });
    await again.click();
    await page.getByText('The service cannot be reached.').waitFor();
    const box = page.getByRole('textbox', { name: 'Your question' });
    await page.waitForFunction(() => document.querySelector('textarea')?.value === 'When does it end?');
    await box.press('Enter');
    await page.getByText('With ninety days of notice.').waitFor();
    expect(fixture.state.turns.filter(({ question }) => question === 'When does it end?')).toHaveLength(2);
    expect(fixture.state.idempotencyKeys).toHaveLength(3);
    expect(new Set(fixture.state.idempotencyKeys).size).toBe(2);
  });
});
