/** What an owner does with webhooks under Settings. */
import { expect } from '@jest/globals';
import { builtPage, launch, openPage, browserTest as test } from '../browser.ts';
import { richState } from '../fixture/rich.ts';
import { startFixture } from '../fixture/server.ts';
import { webhookSecret } from '../fixture/webhook-routes.ts';

test('a webhook is refused with the reason, added with its secret, tested, renewed, enabled and deleted', async () => {
  await builtPage();
  const [browser, fixture] = [await launch(), await startFixture({ ...(await richState()), webhooks: [] })];
  const { page, faults, close } = await openPage(browser);
  const url = 'https://hooks.example.com/bulkhead';
  const button = (name: string) => page.getByRole('button', { name });
  try {
    await page.goto(`${fixture.url}/settings/webhooks`);
    await page.getByText('No webhook yet.').waitFor();
    await button('Add webhook').click();
    const field = page.getByRole('textbox', { name: 'Address' });
    await field.fill('https://127.0.0.1/hook');
    await button('Create').click();
    await page.getByText('The address is in a private network').waitFor();
    await field.fill(url);
    await button('Create').click();
    const secret = page.getByRole('textbox', { name: 'Secret of the webhook' });
    expect(await secret.inputValue()).toBe(webhookSecret);
    await page.keyboard.press('Escape');

    await button(`Send a test: ${url}`).click();
    await page.getByText('The receiver answered 500.').waitFor();
    const [delivery] = fixture.state.deliveries;
    Object.assign(delivery as object, { status: 'delivered', attempts: 2, last_error: null });
    // By itself: it is fetched again while something waits.
    await page.getByText('2 attempts').waitFor();

    await button(`Renew secret: ${url}`).click();
    await secret.waitFor();
    await page.keyboard.press('Escape');

    Object.assign(fixture.state.webhooks[0] as object, {
      disabled_at: new Date().toISOString(),
      disabled_reason: 'gone',
    });
    await page.reload();
    await page.getByText('Disabled: the receiver answered 410').waitFor();
    await button(`Enable: ${url}`).click();
    await button(`Send a test: ${url}`).waitFor();

    await button(`Delete: ${url}`).click();
    await page.getByRole('alertdialog').or(page.getByRole('dialog')).getByRole('button', { name: 'Delete' }).click();
    await page.getByText('No webhook yet.').waitFor();
    expect(fixture.state.webhooks).toEqual([]);
    expect(faults.filter((fault) => !fault.includes('400'))).toEqual([]);
  } finally {
    await close();
    await fixture.close();
    await browser.close();
  }
}, 180_000);

test('only an owner of an installation that sends webhooks sees them', async () => {
  await builtPage();
  const [browser, fixture] = [await launch(), await startFixture(await richState())];
  const { page, close } = await openPage(browser);
  try {
    const tab = page.getByRole('link', { name: 'Webhooks' });
    await page.goto(`${fixture.url}/settings/keys`);
    await tab.waitFor();
    fixture.state.me = { ...fixture.state.me, role: 'admin' };
    await page.reload();
    await page.getByRole('link', { name: 'API keys' }).waitFor();
    expect(await tab.count()).toBe(0);
    fixture.state.me = { ...fixture.state.me, role: 'owner', webhooks: false };
    await page.reload();
    await page.getByRole('link', { name: 'API keys' }).waitFor();
    expect(await tab.count()).toBe(0);
  } finally {
    await close();
    await fixture.close();
    await browser.close();
  }
}, 180_000);
