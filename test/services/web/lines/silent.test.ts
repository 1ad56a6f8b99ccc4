/** Lines that die without a word: the network is left, a router forgets them. The page's clock is moved, so nobody waits. */
import { describe, expect } from '@jest/globals';
import type { Page } from 'playwright-core';
import { browserTest as test } from '../browser.ts';
import { eachPage } from '../each-page.ts';
import { id } from '../fixture/samples.ts';
import type { Fixture } from '../fixture/state.ts';

describe('a line that dies without a word', () => {
  let page: Page;
  let fixture: Fixture;
  eachPage((each) => {
    ({ page, fixture } = each);
  });

  const conversation = `/b/${id(1)}/c/${id(600)}`;
  /** An answer that the page has the first words of, on a line that brings nothing more. */
  const askInto = async (question: string) => {
    Object.assign(fixture.state.script, { cutAfter: 4, cutSilently: true });
    await page.clock.install();
    await page.goto(fixture.url + conversation);
    await page.getByRole('textbox', { name: 'Your question' }).fill(question);
    await page.keyboard.press('Enter');
    await page.getByText('Either party may end it').waitFor();
  };

  test('an answer is taken up on another', async () => {
    await askInto('When does it end?');
    const answer = page.getByRole('article', { name: 'When does it end?' });
    await page.clock.fastForward(45_000);
    await answer.getByText('Either party may end it with ninety days of notice [1].').waitFor();
    await answer.getByRole('button', { name: 'Copy' }).waitFor();
    expect(fixture.state.idempotencyKeys).toHaveLength(1);
  });

  test('an answer is stopped', async () => {
    fixture.state.script.holdAfter = 1;
    await askInto('When does it end?');
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    await page.clock.fastForward(6000);
    await page.getByText('You stopped this answer.').first().waitFor();
    expect(fixture.state.turns.at(-1)?.status).toBe('stopped');
  });

  test('news come over another', async () => {
    await page.clock.install();
    // Once for the list, once because nobody knows what was missed before the stream was open.
    const twice = Promise.withResolvers<void>();
    let lists = 0;
    page.on('response', (response) => {
      if (response.url().includes('/conversations?') && ++lists === 2)
        void response.finished().then(() => twice.resolve());
    });
    await page.goto(fixture.url + conversation);
    await twice.promise;
    await page.getByRole('heading', { level: 2, name: 'When may either side end the contract?' }).waitFor();
    fixture.silence();
    fixture.state.conversations = fixture.state.conversations.map((one) => ({ ...one, title: 'Renamed elsewhere' }));
    await page.clock.fastForward(45_000);
    await page.getByRole('heading', { level: 2, name: 'Renamed elsewhere' }).waitFor();
  });
});
