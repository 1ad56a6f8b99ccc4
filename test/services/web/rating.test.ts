/** Thumbs up and down under an answer. */
import { describe, expect } from '@jest/globals';
import type { Page } from 'playwright-core';
import { browserTest as test } from './browser.ts';
import { eachPage } from './each-page.ts';
import { id } from './fixture/samples.ts';
import type { Fixture } from './fixture/state.ts';

describe('a verdict', () => {
  let page: Page;
  let fixture: Fixture;
  eachPage((each) => {
    ({ page, fixture } = each);
  });

  const conversation = `/b/${id(1)}/c/${id(600)}`;

  test('an answer gets a thumb, another one, and none again; a reload keeps it', async () => {
    await page.goto(fixture.url + conversation);
    const article = page.getByRole('article', { name: 'When may either side end the contract?' });
    const thumb = (name: string) => article.getByRole('button', { name });
    const pressed = (name: string, state: boolean) =>
      article.locator(`button[aria-label="${name}"][aria-pressed="${state}"]`);
    await thumb('Good answer').click();
    await pressed('Good answer', true).waitFor();
    await article.getByText('can be read by your administrators').waitFor();
    await page.reload();
    await pressed('Good answer', true).waitFor();
    await thumb('Bad answer').click();
    await pressed('Bad answer', true).waitFor();
    await pressed('Good answer', false).waitFor();
    expect(fixture.state.turns.map(({ verdict }) => verdict).filter(Boolean)).toEqual(['down']);
    await thumb('Bad answer').click();
    await pressed('Bad answer', false).waitFor();
    expect(fixture.state.turns.map(({ verdict }) => verdict).filter(Boolean)).toEqual([]);
  });
});
