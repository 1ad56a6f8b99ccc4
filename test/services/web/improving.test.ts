/** What the page says of search: what a document still gets, and what the service has not. */
import { describe, expect } from '@jest/globals';
import type { Page } from 'playwright-core';
import { browserTest as test } from './browser.ts';
import { eachPage } from './each-page.ts';
import { id } from './fixture/samples.ts';
import type { Fixture } from './fixture/state.ts';

describe('search', () => {
  let page: Page;
  let fixture: Fixture;
  eachPage((each) => {
    ({ page, fixture } = each);
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
