/** Text is read in its own direction: Arabic and Hebrew from the right, beside English from the left. */
import { describe, expect } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { browserTest as test } from '../browser.ts';
import { eachPage } from '../each-page.ts';
import { cited, id, sampleTurn } from '../fixture/samples.ts';
import type { Fixture } from '../fixture/state.ts';

describe('the direction of text', () => {
  let page: Page;
  let fixture: Fixture;
  eachPage((each) => {
    ({ page, fixture } = each);
  });

  const direction = (one: Locator) => one.evaluate((element) => getComputedStyle(element).direction);

  test('is its own, block by block: question, answer, source, title and box', async () => {
    const question = 'متى ينتهي العقد؟';
    fixture.state.turns.push(
      sampleTurn(50, {
        question,
        answer: 'ينتهي بعد تسعين يوما [1].\n\nIt ends after ninety days.\n\n- أولا\n- ثانيا\n\n```\nx = 1\n```',
        citations: [cited(1, 2, { start: 0, end: 18, quote: 'الإشعار تسعون يوما' })],
      }),
    );
    fixture.state.conversations = fixture.state.conversations.map((one) => ({ ...one, title: question }));
    await page.goto(`${fixture.url}/b/${id(1)}/c/${id(600)}`);
    const asked = page.getByRole('article', { name: question });
    const answer = asked.locator('.prose');
    await answer.getByRole('listitem').first().waitFor();
    const box = page.getByRole('textbox', { name: 'Your question' });
    await box.fill('شالوم');
    const told = {
      question: await direction(asked.getByText(question)),
      arabic: await direction(answer.getByText('ينتهي بعد')),
      english: await direction(answer.getByText('It ends after ninety days.')),
      list: await direction(answer.getByRole('listitem').first()),
      code: await direction(answer.getByText('x = 1')),
      source: await direction(asked.getByText('الإشعار تسعون يوما')),
      title: await direction(page.getByRole('heading', { level: 2, name: question })),
      box: await direction(box),
    };
    expect(told).toEqual({
      question: 'rtl',
      arabic: 'rtl',
      english: 'ltr',
      list: 'rtl',
      code: 'ltr',
      source: 'rtl',
      title: 'rtl',
      box: 'rtl',
    });
  });
});
