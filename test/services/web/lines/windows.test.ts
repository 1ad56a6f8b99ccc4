/** A conversation that is open in two windows is the same in both. */
import { describe, expect } from '@jest/globals';
import type { Page } from 'playwright-core';
import { browserTest as test } from '../browser.ts';
import { eachPage } from '../each-page.ts';
import { id } from '../fixture/samples.ts';
import type { Fixture } from '../fixture/state.ts';

describe('two windows on a conversation', () => {
  let page: Page;
  let fixture: Fixture;
  eachPage((each) => {
    ({ page, fixture } = each);
  });

  test('what is asked in one is shown in the other, as it is answered and when it has ended', async () => {
    const other = await page.context().newPage();
    for (const window of [page, other]) {
      await window.goto(`${fixture.url}/b/${id(1)}/c/${id(600)}`);
      await window.getByRole('heading', { name: 'Who is the CEO?' }).waitFor();
    }
    fixture.state.script.holdAfter = 1;
    await page.getByRole('textbox', { name: 'Your question' }).fill('When does it end?');
    await page.keyboard.press('Enter');
    const answer = other.getByRole('article', { name: 'When does it end?' });
    await answer.getByText('Either party may end it').waitFor();
    fixture.release();
    await answer.getByText('Either party may end it with ninety days of notice [1].').waitFor();
    await answer.getByRole('button', { name: 'Copy' }).waitFor();
    expect(await answer.count()).toBe(1);
  });
});
