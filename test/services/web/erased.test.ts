import { expect } from '@jest/globals';
import { builtPage, launch, openPage, browserTest as test } from './browser.ts';
import { passageOn } from './fixture/paper.ts';
import { richState } from './fixture/rich.ts';
import { cited, id } from './fixture/samples.ts';
import { startFixture } from './fixture/server.ts';

test('an answer whose document was deleted says so, and its source leads nowhere', async () => {
  await builtPage();
  const [browser, fixture] = [await launch(), await startFixture(await richState())];
  const { page, faults, close } = await openPage(browser);
  try {
    const source = cited(1, 2, passageOn(fixture.state.paper.pages[1], 'thirty days of being told of it.'));
    const erased = { ...source, document_name: '', quote: '', deleted: true as const };
    fixture.state.script.answer = { answer: '', citations: [erased] };
    await page.goto(`${fixture.url}/b/${id(1)}`);
    await page.getByRole('textbox', { name: 'Your question' }).fill('What was in it?');
    await page.keyboard.press('Enter');
    const answer = page.getByRole('article', { name: 'What was in it?' });
    await answer.getByText('This answer was removed: a document that it cites was deleted.').waitFor();
    expect(await answer.getByRole('button', { name: 'Deleted document' }).isDisabled()).toBe(true);
    expect(faults).toEqual([]);
  } finally {
    await close();
    await fixture.close();
    await browser.close();
  }
});
