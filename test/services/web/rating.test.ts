/** Thumbs up and down under an answer. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { builtPage, launch, openPage, browserTest as test, type Watched } from './browser.ts';
import { richState } from './fixture/rich.ts';
import { id } from './fixture/samples.ts';
import { startFixture } from './fixture/server.ts';
import type { Fixture } from './fixture/state.ts';

describe('a verdict', () => {
  let browser: Browser;
  let fixture: Fixture;
  let watched: Watched;
  let page: Page;
  beforeAll(async () => {
    await builtPage();
    browser = await launch();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    if (!browser) return;
    fixture = await startFixture(await richState());
    watched = await openPage(browser);
    page = watched.page;
  });
  afterEach(async () => {
    if (!browser) return;
    await watched.close();
    await fixture.close();
    expect(watched.faults).toEqual([]);
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
