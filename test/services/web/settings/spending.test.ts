/** What a tenant used, of one model or key, and what a key may use in a day. */
import { afterEach, beforeEach, expect } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { builtPage, launch, openPage, browserTest as test, type Watched } from '../browser.ts';
import { richState } from '../fixture/rich.ts';
import { startFixture } from '../fixture/server.ts';

let browser: Browser;
let fixture: Awaited<ReturnType<typeof startFixture>>;
let watched: Watched;
beforeEach(async () => {
  await builtPage();
  [browser, fixture] = [await launch(), await startFixture(await richState())];
  watched = await openPage(browser);
});
afterEach(async () => {
  await Promise.all([browser?.close(), fixture?.close()]);
});

test('use is shown of one model or key, waste too, and comes as a table', async () => {
  const { page, faults } = watched;
  await page.goto(`${fixture.url}/settings/tenant`);
  const chart = (title: string) => page.locator('figure').filter({ has: page.getByText(title, { exact: true }) });
  const sum = (title: string) => chart(title).locator('p').textContent();
  const until = (title: string, text: string) => chart(title).locator('p').getByText(text, { exact: true }).waitFor();
  await until('Pages and tokens wasted', '135');
  const [pages, tokens] = [await sum('Pages read'), await sum('Tokens')];
  // 9,000 tokens times the day's number modulo 9: of all days, of those with an even number, of every sixth.
  await until('Tokens', '999,000');
  await page.getByRole('combobox', { name: 'Model' }).selectOption('small-model');
  await until('Tokens', '513,000');
  await until('Pages read', '0');
  await page.getByRole('combobox', { name: 'API key' }).selectOption({ index: 1 });
  await until('Tokens', '135,000');
  const link = await page.getByRole('link', { name: 'As a table (CSV)' }).getAttribute('href');
  expect(link).toMatch(/^\/v1\/usage\?format=csv&by=day,brain,model,key&model=small-model&key=/);
  for (const name of ['Model', 'API key']) await page.getByRole('combobox', { name }).selectOption('All');
  await until('Tokens', '999,000');
  expect([await sum('Pages read'), await sum('Tokens')]).toEqual([pages, tokens]);
  expect(faults).toEqual([]);
});

test('a limit says from 80 % on how much of it is used, and at its end when it begins anew', async () => {
  const { page, faults } = watched;
  await page.goto(`${fixture.url}/settings/tenant`);
  const limit = (label: string) => page.locator('dl > div').filter({ has: page.getByText(label, { exact: true }) });
  await limit('Pages read today').getByText('99% of the limit is used').waitFor();
  await limit('Tokens today')
    .getByText(/^Limit reached\. A new day begins at \d\d:\d\d\.$/)
    .waitFor();
  expect(await limit('Documents').textContent()).toBe('Documents65 of 1,000');
  expect(faults).toEqual([]);
});

test('a key is made with limits of a day, which stand beside it', async () => {
  const { page, faults } = watched;
  await page.goto(`${fixture.url}/settings/keys`);
  await page.getByRole('button', { name: 'Create key' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'Name' }).fill('Weekly report');
  await dialog.getByRole('spinbutton', { name: 'Pages read a day' }).fill('5000');
  await dialog.getByRole('spinbutton', { name: 'Dollars a day' }).fill('2.5');
  await dialog.getByRole('button', { name: 'Create' }).click();
  await page.getByText('Copy it now').waitFor();
  expect(fixture.state.keys.at(-1)?.quotas).toEqual({
    pages_per_day_max: 5000,
    questions_per_day_max: null,
    tokens_per_day_max: null,
    usd_per_day_max: 2.5,
  });
  const row = page.locator('li').filter({ hasText: 'Weekly report' });
  await row.getByText('Pages read a day: 5,000 · Dollars a day: $2.50').waitFor();
  expect(faults).toEqual([]);
});
