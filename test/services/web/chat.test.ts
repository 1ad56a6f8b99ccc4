/** What a person does with the page: asks, waits, stops, comes back, follows a citation, uploads, types Korean. */
import { describe, expect } from '@jest/globals';
import type { Page } from 'playwright-core';
import { browserTest as test } from './browser.ts';
import { compose } from './compose.ts';
import { eachPage } from './each-page.ts';
import { passageOn } from './fixture/paper.ts';
import { linkToken, password } from './fixture/people-routes.ts';
import { cited, id, sampleDocument } from './fixture/samples.ts';
import type { Fixture } from './fixture/state.ts';

describe('the page', () => {
  let page: Page;
  let fixture: Fixture;
  eachPage((each) => {
    ({ page, fixture } = each);
  });

  const brain = `/b/${id(1)}`;
  const conversation = `${brain}/c/${id(600)}`;
  const box = () => page.getByRole('textbox', { name: 'Your question' });
  const ask = async (question: string) => {
    await box().fill(question);
    await page.keyboard.press('Enter');
  };

  test('signs in by password, then by a one-time link, after a look at whose it is', async () => {
    fixture.state.signedIn = false;
    await page.goto(`${fixture.url}/brains`);
    await page.getByLabel('Email').fill('minjun@example.com');
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('heading', { name: 'Brains' }).waitFor();
    await page.getByRole('button', { name: 'Your menu' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByLabel('Email').waitFor();
    // With the screen open already, the link changes the fragment alone.
    await page.goto(`${fixture.url}/sign-in`);
    await page.getByLabel('Email').waitFor();
    await page.goto(`${fixture.url}/sign-in#token=${linkToken}`);
    await page.getByText('minjun@example.com').waitFor();
    expect(fixture.state.signedIn).toBe(false);
    await page.getByRole('button', { name: 'Sign in with the link' }).click();
    await page.getByRole('heading', { name: 'Brains' }).waitFor();
    expect(page.url()).toBe(`${fixture.url}/brains`);
  });

  test('makes the first brain in one click', async () => {
    fixture.state.brains = [];
    fixture.state.documents = [];
    fixture.state.conversations = [];
    await page.goto(`${fixture.url}/brains`);
    await page.getByRole('button', { name: 'Create your first brain' }).click();
    await page.getByRole('heading', { name: 'My first brain', level: 1 }).waitFor();
    await page.getByText('Nothing here yet.').waitFor();
  });

  test('a citation opens its page with the passage marked; Escape leads back to the mark', async () => {
    await page.goto(fixture.url + conversation);
    const mark = page.getByRole('button', { name: 'Source 2: contract.pdf, page 2' }).first();
    await mark.click();
    await page.locator('mark', { hasText: 'thirty days of being told of it.' }).waitFor();
    await page.locator('#source-title:focus').waitFor();
    await page.getByRole('tab', { name: 'Page' }).click();
    await page.locator('[data-passage]').first().waitFor();
    expect(await page.locator('[data-passage]').count()).toBe(1);
    // Painted: something of it is dark.
    await page.waitForFunction(() => {
      const canvas = document.querySelector('canvas');
      const { data } = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] };
      return data.some((value, index) => index % 4 === 0 && value < 64);
    });
    await page.getByRole('button', { name: 'Next page' }).click();
    await page.getByRole('tab', { name: 'Text' }).click();
    await page.getByText('9. Liability').waitFor();
    await page.keyboard.press('Escape');
    await expectFocus(page, 'Source 2: contract.pdf, page 2');
  });

  test('text and Markdown have no picture; a deleted document says so', async () => {
    await page.goto(`${fixture.url}${brain}?src=${id(25)}&p=1`);
    await page.getByText('SERVICE AGREEMENT').waitFor();
    expect(await page.getByRole('tab').count()).toBe(1);
    await page.goto(`${fixture.url}${brain}?src=${id(404)}&p=1`);
    await page.getByText('This document was deleted.').waitFor();
  });

  test('busy: keeps the question, counts down, asks again under the same key', async () => {
    Object.assign(fixture.state.script, { busy: 2, hintMs: 1000 });
    await page.goto(fixture.url + brain);
    await ask('When does it end?');
    await page
      .getByText(/^Busy\. Trying again in \d+ s\.$/)
      .first()
      .waitFor();
    await page.getByText('Either party may end it').waitFor();
    const keys = new Set(fixture.state.idempotencyKeys);
    expect(fixture.state.idempotencyKeys).toHaveLength(3);
    expect(keys.size).toBe(1);
  });

  test('busy: canceling puts the question back into the box', async () => {
    Object.assign(fixture.state.script, { busy: 99, hintMs: 60_000 });
    await page.goto(fixture.url + brain);
    await ask('When does it end?');
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    expect(await box().inputValue()).toBe('When does it end?');
  });

  test('a refusal gives the text back and says why', async () => {
    const body = { type: 'about:blank', title: 'Quota used up', status: 429, code: 'quota' };
    fixture.state.script.refuse = { status: 429, body, headers: { 'retry-after': '60' } };
    await page.goto(fixture.url + conversation);
    await ask('Once more?');
    await page
      .getByRole('alert')
      .getByText(/^Your limit is used up\. It resets at \d\d:\d\d\.$/)
      .waitFor();
    expect(await box().inputValue()).toBe('Once more?');
    expect(fixture.state.idempotencyKeys).toHaveLength(1);
  });

  test('a broken line is taken up where it broke', async () => {
    fixture.state.script.cutAfter = 3;
    await page.goto(fixture.url + conversation);
    await ask('When does it end?');
    await page.getByText('Either party may end it with ninety days of notice [1].').waitFor();
  });

  test('a question whose line broke before its turn keeps its key: it cannot be billed twice', async () => {
    const keys: (string | undefined)[] = [];
    await page.route('**/v1/chat/conversations/*/turns', async (route) => {
      if (route.request().method() !== 'POST') return route.continue();
      keys.push(route.request().headers()['idempotency-key']);
      return keys.length === 1 ? route.abort('connectionreset') : route.continue();
    });
    await page.goto(`${fixture.url}${conversation}`);
    await ask('When are invoices due?');
    await page.getByText('The service cannot be reached.').waitFor();
    await page.waitForFunction(
      (question) => document.querySelector('textarea')?.value === question,
      'When are invoices due?',
    );
    await box().press('Enter');
    await page.getByRole('heading', { name: 'When are invoices due?' }).waitFor();
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
  });

  test('an answer under way comes back after a reload, and can be stopped then', async () => {
    fixture.state.script.holdAfter = 1;
    await page.goto(fixture.url + conversation);
    await ask('When does it end?');
    await page.getByText('Either party may end it').waitFor();
    await page.reload();
    await page.getByText('Either party may end it').waitFor();
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    await page.getByText('You stopped this answer.').first().waitFor();
    expect(await box().inputValue()).toBe('');
  });

  test('renders no image, no HTML and no foreign scheme of an answer, and asks no other host', async () => {
    const hosts = new Set<string>();
    page.on('request', (request) => hosts.add(new URL(request.url()).host));
    fixture.state.script.answer = {
      answer:
        'See ![pixel](https://evil.example/p.png) <img src=https://evil.example/q.png> [x](javascript:alert(1)) [y](https://example.org/a) **마크다운(Markdown)**의 [1, 2] [9] `[1]`',
      citations: [1, 2].map((n) =>
        cited(n, 2, passageOn(fixture.state.paper.pages[1], 'thirty days of being told of it.')),
      ),
    };
    await page.goto(`${fixture.url}${brain}`);
    await ask('What does it say?');
    const answer = page.getByRole('article', { name: 'What does it say?' });
    await answer.getByText('2 sources').waitFor();
    await answer.getByText('(example.org)').waitFor();
    expect(await answer.locator('.prose img, .prose [href^=javascript]').count()).toBe(0);
    expect(await answer.locator('.prose [data-mark]').count()).toBe(2);
    expect(await answer.locator('.prose strong').textContent()).toBe('마크다운(Markdown)');
    expect(await answer.locator('.prose').textContent()).toContain('[9]');
    expect([...hosts]).toEqual([new URL(fixture.url).host]);
  });

  test('documents change live over one stream for all tabs', async () => {
    await page.goto(fixture.url + brain);
    const other = await page.context().newPage();
    await other.goto(fixture.url + brain);
    await Promise.all([page, other].map((tab) => tab.getByText('Reading: 350 of 2,000 pages · 4 min left').waitFor()));
    const progress = { stage: 'parsing' as const, pages_total: 2000, pages_done: 1234, eta_ms: 60_000 };
    fixture.push({
      event: 'document',
      data: sampleDocument(14, 'R-reference-manual.pdf', { status: 'running', progress }),
    });
    await Promise.all(
      [page, other].map((tab) => tab.getByText('Reading: 1,234 of 2,000 pages · 1 min left').waitFor()),
    );
    expect(fixture.streams()).toBe(1);
    const bar = page.getByRole('progressbar', { name: 'R-reference-manual.pdf' });
    expect(await bar.getAttribute('aria-valuetext')).toBe('1,234 of 2,000 pages');
    await page.close();
    await other.waitForFunction(async () => (await navigator.locks.query()).held?.length === 1);
  });

  test('uploads by picker and refuses what cannot work before a byte is sent', async () => {
    await page.goto(fixture.url + brain);
    const picker = page.locator('input[type=file]');
    await picker.setInputFiles([
      { name: 'new.pdf', mimeType: 'application/pdf', buffer: Buffer.from(fixture.state.paper.bytes) },
      { name: '보고서.hwp', mimeType: 'application/x-hwp', buffer: Buffer.from('x') },
    ]);
    await page.getByText('Not added: type not supported: .hwp').waitFor();
    await page.getByRole('listitem').filter({ hasText: 'new.pdf' }).getByText('Waiting', { exact: false }).waitFor();
    await picker.setInputFiles({ name: 'new.pdf', mimeType: 'application/pdf', buffer: Buffer.from('same') });
    await page.getByText('Already here: "new.pdf"').waitFor();
  });

  test('deleting asks first, and the focus moves to the next row', async () => {
    await page.goto(fixture.url + brain);
    await page.getByRole('button', { name: 'Actions for contract.pdf' }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('button', { name: 'Actions for contract.pdf' }).waitFor({ state: 'detached' });
    await expectFocus(page, 'Actions for scan-of-minutes.pdf');
  });

  test.each([
    ['Chrome', ['compositionupdate', 'keydown:229', 'compositionend', 'input']],
    ['Safari', ['compositionupdate', 'compositionend', 'input', 'keydown:229']],
    ['Windows, two keydowns', ['compositionupdate', 'keydown:229', 'compositionend', 'input', 'keydown:13']],
  ])('Enter in a Hangul composition sends once, with the last syllable: %s', async (_name, sequence) => {
    await page.goto(fixture.url + conversation);
    await box().fill('안녕하세');
    // The page shows a question before the service has it.
    const asked = page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/turns'));
    await box().evaluate(compose, ['요', ...sequence]);
    await (await asked).response();
    await page.getByRole('heading', { name: '안녕하세요' }).waitFor();
    expect(fixture.state.turns.filter(({ question }) => question === '안녕하세요')).toHaveLength(1);
    expect(fixture.state.idempotencyKeys).toHaveLength(1);
  });

  test('Enter in another composition only commits it', async () => {
    await page.goto(fixture.url + conversation);
    await box().fill('東');
    await box().evaluate(compose, ['京', 'compositionupdate', 'keydown:229', 'compositionend', 'input']);
    await page.waitForFunction(() => document.querySelector('textarea')?.value === '東京');
    expect(fixture.state.idempotencyKeys).toHaveLength(0);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: '東京' }).waitFor();
  });

  test('the divider moves with the arrow keys; language and theme change at once and stay', async () => {
    await page.goto(fixture.url + brain);
    const divider = page.getByRole('separator', { name: 'Width of the documents pane' });
    await divider.focus();
    await page.keyboard.press('ArrowRight');
    expect(await divider.getAttribute('aria-valuenow')).toBe('344');
    await page.goto(`${fixture.url}/settings/appearance`);
    await page.getByLabel('한국어').check();
    await page.getByLabel('어둡게').check();
    await page.reload();
    await page.getByRole('heading', { name: '설정' }).waitFor();
    expect(await page.evaluate(() => document.documentElement.outerHTML.slice(0, 40))).toContain(
      'lang="ko" class="dark"',
    );
  });

  test('a key is shown once', async () => {
    await page.goto(`${fixture.url}/settings/keys`);
    await page.getByRole('button', { name: 'Create key' }).click();
    await page.getByLabel('Name').fill('CI');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByText('Copy it now. It will not be shown again.').waitFor();
    expect(await page.getByRole('textbox', { name: 'CI' }).inputValue()).toMatch(/^bh_/);
    await page.getByRole('button', { name: 'Close' }).click();
    expect(await page.content()).not.toContain('bh_9fK2xT0Qm');
  });
});

/** Waits until the element with this name has the focus. */
async function expectFocus(page: Page, name: string): Promise<void> {
  await page.waitForFunction((wanted) => document.activeElement?.getAttribute('aria-label') === wanted, name);
}
