/** What an operator sets for a tenant: which models may answer its brains. */
import { expect } from '@jest/globals';
import { builtPage, launch, openPage, browserTest as test } from '../browser.ts';
import { richState } from '../fixture/rich.ts';
import { startFixture } from '../fixture/server.ts';

test('the models of a tenant are typed with commas, shown again, refused with the reason, and emptied', async () => {
  await builtPage();
  const [browser, fixture] = [await launch(), await startFixture(await richState())];
  const { page, faults, close } = await openPage(browser);
  const [tenant] = fixture.state.tenants;
  try {
    await page.goto(`${fixture.url}/settings/tenants`);
    const field = page.getByRole('textbox', { name: 'Models' });
    const open = () => page.getByRole('button', { name: 'Set limits: Hanbit Research' }).click();
    const save = async (models: string) => {
      await field.fill(models);
      await page.getByRole('button', { name: 'Save' }).click();
    };

    await open();
    expect(await field.inputValue()).toBe('');
    await save(' large-model ,small-model, ');
    await field.waitFor({ state: 'detached' });
    expect(tenant?.models_allowed).toEqual(['large-model', 'small-model']);

    await open();
    expect(await field.inputValue()).toBe('large-model, small-model');
    await save('large-model, dearest-model');
    await page.getByText("models_allowed holds 'dearest-model'").waitFor();
    // What was typed is still there to be mended.
    expect(await field.inputValue()).toBe('large-model, dearest-model');
    expect(tenant?.models_allowed).toEqual(['large-model', 'small-model']);

    await page.getByRole('spinbutton', { name: 'Ask before reading more pages than' }).fill('500');
    await save('');
    await field.waitFor({ state: 'detached' });
    expect([tenant?.models_allowed, tenant?.confirm_pages_above]).toEqual([null, 500]);
    await open();
    await page.getByRole('spinbutton', { name: 'Ask before spending more US dollars' }).fill('2.5');
    await page.getByRole('combobox', { name: 'PDFs are read by' }).selectOption('The built-in parser');
    await save('');
    await field.waitFor({ state: 'detached' });
    expect([tenant?.confirm_usd_above, tenant?.parser]).toEqual([2.5, 'built-in']);
    await open();
    await page
      .getByRole('combobox', { name: 'PDFs are read by' })
      .selectOption('The default of this installation (docling)');
    await save('');
    await field.waitFor({ state: 'detached' });
    expect([tenant?.confirm_usd_above, tenant?.parser, tenant?.confirm_pages_above]).toEqual([2.5, null, 500]);
    // One that is not offered any more is shown, and stays when something else is saved.
    Object.assign(tenant ?? {}, { parser: 'unstructured' });
    await page.reload();
    await open();
    expect(await page.getByRole('combobox', { name: 'PDFs are read by' }).inputValue()).toBe('unstructured');
    await save('');
    await field.waitFor({ state: 'detached' });
    expect(tenant?.parser).toBe('unstructured');
    // Nothing else was changed on the way.
    expect(tenant?.quotas).toMatchObject({
      documents_max: 1000,
      bytes_max: 10_000_000_000,
      questions_per_day_max: null,
    });
    // The refusal, which the browser tells of.
    expect(faults.filter((fault) => !fault.includes('400'))).toEqual([]);
  } finally {
    await close();
    await fixture.close();
    await browser.close();
  }
}, 180_000);
