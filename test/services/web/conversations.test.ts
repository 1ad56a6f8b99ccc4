/** Conversations of a brain: found by a word, renamed, exported, deleted, on a phone too. */
import { readFile } from 'node:fs/promises';
import { describe, expect } from '@jest/globals';
import type { Page } from 'playwright-core';
import { browserTest as test, violations } from './browser.ts';
import { eachPage } from './each-page.ts';
import { ago, id } from './fixture/samples.ts';
import type { Fixture } from './fixture/state.ts';

describe('conversations', () => {
  let page: Page;
  let fixture: Fixture;
  let reopened: Parameters<Parameters<typeof eachPage>[0]>[0]['reopened'];
  eachPage((each) => {
    ({ page, fixture, reopened } = each);
  });

  const conversation = `/b/${id(1)}/c/${id(600)}`;
  const choose = async (name: string) => {
    await page.getByRole('button', { name: 'Conversations', exact: true }).click();
    await page.getByRole('menuitem', { name }).click();
  };
  const title = (name: string) => page.getByRole('heading', { level: 2, name });

  test.each([
    ['a wide screen', {}],
    ['a phone', { width: 320, height: 640, touch: true }],
  ])('are found by a word of an answer, and opened by the keyboard: %s', async (_name, look) => {
    page = await reopened(look);
    // As many as a menu does not show.
    for (let at = 0; at < 60; at++)
      fixture.state.conversations.push({
        id: id(30_000 + at),
        object: 'conversation',
        brain_id: id(1),
        title: `Older ${at}`,
        created_at: ago(0),
        updated_at: ago(0),
      });
    await page.goto(`${fixture.url}/b/${id(1)}/c/${id(601)}?pane=chat`);
    await choose('Find a conversation');
    const dialog = page.getByRole('dialog', { name: 'Conversations' });
    await dialog.getByRole('link', { name: 'Liability' }).waitFor();
    expect(await dialog.getByRole('link').count()).toBe(30);
    await dialog.getByRole('button', { name: 'Look further back' }).click();
    await dialog.getByRole('link', { name: 'Older 57' }).waitFor();
    await dialog.getByRole('searchbox', { name: 'Find a conversation' }).fill('INSOLVENT');
    await dialog.getByRole('link', { name: 'Liability' }).waitFor({ state: 'detached' });
    expect(await dialog.getByRole('link').count()).toBe(1);
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await title('When may either side end the contract?').waitFor();
  });

  test('are looked for once more only by a person, after the next page of a search failed', async () => {
    let asked = 0;
    await page.route('**/v1/chat/conversations?*search=*', (route) => {
      const { searchParams } = new URL(route.request().url());
      if (!searchParams.has('cursor')) return route.fulfill({ json: { data: [], next_cursor: 'next' } });
      asked += 1;
      // A refusal is not tried again, so it is told at once.
      if (asked === 1) return route.fulfill({ status: 400, json: {} });
      return route.fulfill({ json: { data: [], next_cursor: null } });
    });
    await page.goto(fixture.url + conversation);
    await choose('Find a conversation');
    const dialog = page.getByRole('dialog', { name: 'Conversations' });
    await dialog.getByRole('searchbox', { name: 'Find a conversation' }).fill('nowhere');
    const again = dialog.getByRole('button', { name: 'Try again' });
    await again.waitFor();
    expect(asked).toBe(1);
    await again.click();
    await dialog.getByText('No conversation').waitFor();
    expect(asked).toBe(2);
  });

  test('are renamed', async () => {
    await page.goto(fixture.url + conversation);
    await choose('Rename');
    const box = page.getByRole('dialog', { name: 'Rename' }).getByRole('textbox', { name: 'Title' });
    expect(await box.inputValue()).toBe('When may either side end the contract?');
    await box.fill('Ending it');
    await page.keyboard.press('Enter');
    await title('Ending it').waitFor();
    await page.reload();
    await title('Ending it').waitFor();
  });

  test('are exported as a file, and the page stays', async () => {
    await page.goto(fixture.url + conversation);
    const download = page.waitForEvent('download');
    await choose('Export as Markdown');
    const file = await download;
    expect(file.suggestedFilename()).toBe(`${id(600)}.md`);
    expect(await readFile(await file.path(), 'utf8')).toBe('# A conversation\n');
    await title('When may either side end the contract?').waitFor();
  });

  test('show what their answers know, and change it', async () => {
    await page.goto(fixture.url + conversation);
    await choose('What answers know');
    const dialog = page.getByRole('dialog', { name: 'What answers know' });
    const box = dialog.getByRole('textbox', { name: 'What answers know' });
    expect(JSON.parse(await box.inputValue())).toEqual({ tone: 'formal' });
    expect(await violations(page)).toEqual([]);
    await box.fill('["no object"]');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText('This is no JSON object.').waitFor();
    await box.fill('{"customer": "Ada"}');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
    await choose('What answers know');
    await page.waitForFunction(() =>
      document.querySelector<HTMLTextAreaElement>('[name=state]')?.value.includes('Ada'),
    );
  });

  test('are deleted after a question', async () => {
    await page.goto(fixture.url + conversation);
    await choose('Delete this conversation');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await title('Ask your documents').waitFor();
    expect(fixture.state.conversations.map(({ title: name }) => name)).toEqual(['Liability']);
  });
});
