/** What a document costs and when it is done, said before it starts; on a desk and on a phone. */
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { builtPage, launch, openPage, browserTest as test, violations } from '../browser.ts';
import { richState } from '../fixture/rich.ts';
import { id } from '../fixture/samples.ts';
import { startFixture } from '../fixture/server.ts';

/** Pictures for people, when a folder is named. */
const folder = process.env.SCREENSHOTS;

test.each([
  ['desk', { width: 1440, height: 900 }],
  ['phone', { width: 390, height: 844, touch: true }],
])(
  'a document that waits tells its time, one above a limit its price, and asks before it starts: %s',
  async (name, look) => {
    await builtPage();
    const [browser, fixture] = [await launch(), await startFixture(await richState())];
    const { page, faults, close } = await openPage(browser, look);
    const picture = async (what: string) => {
      if (folder) await page.screenshot({ path: join(folder, `${what}-${name}.png`) });
    };
    try {
      await page.goto(`${fixture.url}/b/${id(1)}`);
      const documents = page.getByRole('button', { name: 'Documents', exact: true });
      if (name === 'phone') await documents.click();
      await page.getByText('Waiting · about 3 min · 120 pages before it').waitFor();
      await page.getByText('2,000 pages · about $4.20 · about 21 min. Start?').waitFor();
      await picture('documents');
      await page.getByRole('button', { name: 'Start: long.pdf' }).click();
      const dialog = page.getByRole('alertdialog', { name: 'Read “long.pdf”?' });
      await dialog.getByText('2,000 pages · about $4.20 · about 21 min. What was read is billed').waitFor();
      expect(await violations(page)).toEqual([]);
      await picture('confirm');
      await dialog.getByRole('button', { name: 'Cancel' }).click();
      const status = () => fixture.state.documents.find((one) => one.name === 'long.pdf')?.job.status;
      expect(status()).toBe('awaiting_confirmation');
      await page.getByRole('button', { name: 'Start: long.pdf' }).click();
      await dialog.getByRole('button', { name: 'Start' }).click();
      await page.getByRole('button', { name: 'Start: long.pdf' }).waitFor({ state: 'detached' });
      expect(status()).toBe('queued');
      expect(faults).toEqual([]);
    } finally {
      await close();
      await fixture.close();
      await browser.close();
    }
  },
  180_000,
);
