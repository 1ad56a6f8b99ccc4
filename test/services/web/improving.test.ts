/** What the page says of search: what a document still gets, and what the service has not. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { builtPage, launch, openPage, browserTest as test, type Watched } from './browser.ts';
import { richState } from './fixture/rich.ts';
import { id } from './fixture/samples.ts';
import { startFixture } from './fixture/server.ts';
import type { Fixture } from './fixture/state.ts';

describe('search', () => {
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

  const wordsOnly = 'Search by words only: no embedding is configured.';

  test('a document that is still improved turns to ready without a reload', async () => {
    await page.goto(`${fixture.url}/b/${id(1)}`);
    await page.getByText('Ready · 2 pages · improving search').waitFor();
    const document = fixture.state.documents.find(({ search }) => search === 'improving');
    if (!document) throw new Error('no document of the fixture is improved');
    fixture.push({ event: 'document', data: { ...document, search: 'full' } });
    await page.getByText('Ready · 2 pages', { exact: true }).waitFor();
    expect(await page.getByText(wordsOnly).count()).toBe(0);
  });

  test('a service without an embedding says so in one line', async () => {
    fixture.state.me.embedding_model = null;
    await page.goto(`${fixture.url}/b/${id(1)}`);
    await page.getByText(wordsOnly).waitFor();
  });
});
