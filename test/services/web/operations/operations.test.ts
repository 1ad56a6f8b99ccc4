/** The operations page: each figure beside its prediction, a day of lines, also on a phone; it costs the chat page nothing. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { distFolder } from '../../../../services/web/dist.ts';
import { builtPage, launch, openPage, browserTest as test } from '../browser.ts';
import { richState } from '../fixture/rich.ts';
import { startFixture } from '../fixture/server.ts';

const shots = process.env.SHOTS;

test('operators see what runs beside what was predicted, as a day of lines and on a phone', async () => {
  await builtPage();
  const [browser, fixture] = [await launch(), await startFixture(await richState())];
  try {
    for (const look of [{}, { width: 390, height: 844, touch: true }] as const) {
      const { page, faults, close } = await openPage(browser, look);
      await page.goto(`${fixture.url}/settings/operations`);
      await page.getByText('41 of 64').waitFor();
      await page.getByText('predicted: 2,400').waitFor();
      await page
        .getByText(
          'Predictions are for this CPU (Ampere Altra), which does 90% of the one that was measured (AMD EPYC)',
        )
        .waitFor();
      // Each figure beside its prediction.
      for (const [title, value, predicted] of [
        ['Refused (503), a minute', '3.2', 'predicted: at full load 2.9'],
        ['First token, p50 / p95', '0.4 s / 1.3 s', "predicted: 0.2 s / 0.6 s, and the model's own"],
        ['API requests a second', '34', 'predicted: 250'],
        ['Error lines a minute', '0', 'predicted: 0.1'],
      ]) {
        const figure = page.locator('dl > div').filter({ hasText: title as string });
        expect((await figure.locator('dd').allTextContents()).slice(0, 2)).toEqual([value, predicted]);
      }
      await page.getByText('Last deploy or start').waitFor();
      await page.getByText('ceiling of the environment: $150.00 a month; 2 entries without a known price').waitFor();
      await page.getByText('slowed to 50% after a refusal').waitFor();
      // More than nine tenths of its memory, and growing.
      await page.getByText('15 MB/h').waitFor();
      await page.locator('.uplot canvas').nth(5).waitFor();
      expect(await page.locator('.uplot canvas').count()).toBe(6);
      // What scrolls sideways is the table, never the page.
      expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
      // What replicas told meanwhile comes without a reload.
      await page.route('**/v1/operations', async (route) => {
        const response = await route.fetch();
        const report = await response.json();
        await route.fulfill({ response, json: { ...report, chat: { ...report.chat, slots_in_use: 42 } } });
      });
      await page.getByText('42 of 64').waitFor();
      await page.unrouteAll({ behavior: 'ignoreErrors' });
      if (shots)
        await page.screenshot({ path: join(shots, `operations-${page.viewportSize()?.width}.png`), fullPage: true });
      expect(faults).toEqual([]);
      await close();
    }
  } finally {
    await fixture.close();
    await browser.close();
  }
}, 180_000);

test('the charts are in a part of their own, that only this page loads', async () => {
  await builtPage();
  const assets = join(distFolder, 'assets');
  const files = (await readdir(assets)).filter((name) => name.endsWith('.js'));
  const contents = await Promise.all(
    files.map(async (name) => [name, await readFile(join(assets, name), 'utf8')] as const),
  );
  const withCharts = contents
    .filter(([, text]) => text.includes('u-legend') || text.includes('uplot'))
    .map(([name]) => name);
  const page = await readFile(join(distFolder, 'index.html'), 'utf8');
  expect(withCharts.length).toBeGreaterThan(0);
  for (const name of withCharts) expect(page).not.toContain(name);
});
